package app_test

import (
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ksefworker/config"
	"ksefworker/internal/connect"
	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/redisd"
	"ksefworker/internal/redisd/redistest"
	"ksefworker/internal/sample"
)

// The master behind a proxy becomes a replica, and the proxy sends new connections to the new
// master. Open connections stay with the old master, which answers READONLY from then on. In one
// run the proxy changes the text of that answer.
func TestRedis_MasterBehindAProxyIsDemoted_TheClientDialsAgainAndWorkGoesOn(t *testing.T) {
	t.Parallel()
	for name, replace := range map[string][2]string{
		"Redis's own text": {}, "a proxy's text": {"-READONLY ", "-ERR READONLY "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var first, second *redisd.Server
			var f *forwarder
			p := newPool(t, 1, quickSim, func(c *config.Config) {
				hasty(c)
				first = startMaster(t)
				second = startReplica(t, first)
				f = newForwarder(t, first.Addr(), replace)
				c.Redis.URL = "redis://" + f.addr + "/0"
			})
			one, two := redistest.Client(t, first), redistest.Client(t, second)
			addr, _ := p.workAt()
			taken := p.admit(intake.Terms{Lane: ledger.Bulk}, good(sample.NIP(0), 8)...)
			p.wait(60*time.Second, taken, ledger.Receipted)
			until(t, 30*time.Second, "the replica has everything", func() bool {
				info := two.Info(t.Context(), "replication").Val()
				return strings.Contains(info, "master_link_status:up") && one.Wait(t.Context(), 1, time.Second).Val() == 1
			})
			host, port, err := net.SplitHostPort(second.Addr())
			if err != nil {
				t.Fatal(err)
			}
			f.to.Store(second.Addr())
			if err := two.ReplicaOf(t.Context(), "NO", "ONE").Err(); err != nil {
				t.Fatal(err)
			}
			if err := one.ReplicaOf(t.Context(), host, port).Err(); err != nil {
				t.Fatal(err)
			}
			until(t, 30*time.Second, "the worker is ready again", ready(t, addr))
			a := p.base.Admitter()
			docs := numbered(sample.NIP(0), "AFTER", 8)
			until(t, 30*time.Second, "the new master takes invoices in", func() bool {
				taken, err = a.Admit(t.Context(), docs, intake.Terms{Lane: ledger.Bulk})
				return err == nil && taken[0].Err == nil
			})
			p.wait(60*time.Second, taken, ledger.Receipted)
			p.balanced(16)
			// Reads that still went to the old master would return old data.
			until(t, 30*time.Second, "no client of the pool uses the old master", func() bool {
				for line := range strings.Lines(one.ClientList(t.Context()).Val()) {
					if usedByPool(line) {
						return false
					}
				}
				return true
			})
		})
	}
}

// usedByPool reports whether a line of CLIENT LIST is of a pool's connection that sent a command
// within the last two seconds. Replication, subscriptions and CLIENT LIST itself do not count.
func usedByPool(line string) bool {
	recent := strings.Contains(line, " idle=0 ") || strings.Contains(line, " idle=1 ")
	return recent && strings.Contains(line, "cmd=") && !strings.Contains(line, "cmd=client|list") &&
		!strings.Contains(line, "flags=M") && !strings.Contains(line, "cmd=subscribe")
}

// ready returns a condition for a call of until. It is true when the worker at addr is ready.
func ready(t *testing.T, addr string) func() bool {
	return func() bool { return strings.Contains(page(t, addr, "/readyz"), `"ready": true`) }
}

// A password is replaced in Redis and in the file, and the connections that used the old password
// are closed. New connections use the password that the file has now.
func TestRedis_PasswordIsReplaced_NewConnectionsUseTheNewOne(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "password")
	var admin *redis.Client
	p := newPool(t, 1, quickSim, func(c *config.Config) {
		hasty(c)
		srv := redistest.StartWith(t, redisd.Options{AppendOnly: true})
		admin = redistest.Client(t, srv)
		if err := admin.Do(t.Context(), "ACL", "SETUSER", "worker", "on", ">first", "~*", "&*", "+@all").Err(); err != nil {
			t.Fatal(err)
		}
		writeFile(t, file, "first\n")
		c.Redis.URL, c.Redis.Username, c.Redis.PasswordFile = srv.URL(), "worker", file
	})
	addr, _ := p.workAt()
	p.wait(60*time.Second, p.admit(intake.Terms{Lane: ledger.Bulk}, good(sample.NIP(0), 4)...), ledger.Receipted)
	writeFile(t, file, "second\n")
	for _, cmd := range [][]any{{"ACL", "SETUSER", "worker", "resetpass", ">second"}, {"CLIENT", "KILL", "USER", "worker"}} {
		if err := admin.Do(t.Context(), cmd...).Err(); err != nil {
			t.Fatal(err)
		}
	}
	until(t, 30*time.Second, "the worker is ready with the new password", ready(t, addr))
	p.wait(60*time.Second, p.admit(intake.Terms{Lane: ledger.Bulk}, numbered(sample.NIP(0), "AFTER", 4)...), ledger.Receipted)
	p.balanced(8)
}

// The Sentinels' own password is replaced in the same way.
func TestSentinel_PasswordIsReplaced_NewConnectionsUseTheNewOne(t *testing.T) {
	t.Parallel()
	srv := redistest.StartWith(t, redisd.Options{AppendOnly: true})
	host, port, err := net.SplitHostPort(srv.Addr())
	if err != nil {
		t.Fatal(err)
	}
	addr := startSentinel(t, fmt.Sprintf("requirepass first\nsentinel monitor %s %s %s 1\n", master, host, port))
	file := filepath.Join(t.TempDir(), "password")
	writeFile(t, file, "first\n")
	sentinel := redis.NewClient(&redis.Options{Addr: addr, Password: "first"})
	defer sentinel.Close()
	until(t, 30*time.Second, "the sentinel is up", func() bool { return sentinel.Ping(t.Context()).Err() == nil })
	cfg := redisConfig(t, srv.URL())
	cfg.Redis.Sentinel = config.Sentinel{Master: master, Addrs: []string{addr}, PasswordFile: file}
	cfg.Redis.WaitReplicas = 0
	b, err := connect.Open(t.Context(), cfg)
	if err != nil {
		t.Fatalf("the Sentinels do not take the first password: %v", err)
	}
	defer b.Close()
	writeFile(t, file, "second\n")
	if err := sentinel.Do(t.Context(), "ACL", "SETUSER", "default", "resetpass", ">second").Err(); err != nil {
		t.Fatal(err)
	}
	_ = sentinel.Do(t.Context(), "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes").Err()
	_ = sentinel.Do(t.Context(), "CLIENT", "KILL", "TYPE", "pubsub").Err()
	if err := redistest.Client(t, srv).Do(t.Context(), "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes").Err(); err != nil {
		t.Fatal(err)
	}
	until(t, 30*time.Second, "the master is found with the new password", func() bool { return b.Redis.Ping(t.Context()).Err() == nil })
	fresh, err := connect.Open(t.Context(), cfg)
	if err != nil {
		t.Fatalf("a new client cannot connect with the new password: %v", err)
	}
	fresh.Close()
}

// The address leads to another server, which evicts keys. The worker checked only the first server
// at its start.
func TestRedis_FailsOverToAVolatileServer_ReadinessAndLogShowIt(t *testing.T) {
	t.Parallel()
	var f *forwarder
	var second *redisd.Server
	p := newPool(t, 1, quickSim, func(c *config.Config) {
		hasty(c)
		first := redistest.StartWith(t, redisd.Options{AppendOnly: true})
		second = redistest.StartWith(t, redisd.Options{AppendOnly: true, Args: []string{"--maxmemory-policy", "allkeys-lru"}})
		f = newForwarder(t, first.Addr(), [2]string{})
		c.Redis.URL = "redis://" + f.addr + "/0"
	})
	addr, _ := p.workAt()
	until(t, 30*time.Second, "the worker is ready", ready(t, addr))
	f.to.Store(second.Addr())
	f.cut()
	until(t, 30*time.Second, "readiness shows what is wrong with the new server", func() bool {
		answer := page(t, addr, "/readyz")
		return strings.Contains(answer, `"ready": false`) && strings.Contains(answer, "maxmemory-policy is allkeys-lru")
	})
	until(t, 30*time.Second, "the log says that Redis is another server and may lose invoices", func() bool {
		log := p.log.String()
		return strings.Contains(log, "redis is another server") &&
			strings.Contains(log, "this worker is not ready: this Redis may lose invoices")
	})
	if err := redistest.Client(t, second).ConfigSet(t.Context(), "maxmemory-policy", "noeviction").Err(); err != nil {
		t.Fatal(err)
	}
	until(t, 30*time.Second, "the worker is ready when the policy is corrected", ready(t, addr))
	// From now on the ledger in the second server belongs to another environment.
	foreign := ledger.Home{V: ledger.Version, Environment: "production", Address: "https://ksefapi.pl/api"}
	value, err := json.Marshal(foreign)
	if err != nil {
		t.Fatal(err)
	}
	if err := redistest.Client(t, second).Set(t.Context(), "ksef:home", value, 0).Err(); err != nil {
		t.Fatal(err)
	}
	until(t, 30*time.Second, "readiness names the environment of that ledger", func() bool {
		answer := page(t, addr, "/readyz")
		return strings.Contains(answer, `"ready": false`) && strings.Contains(answer, "belongs to production at https://ksefapi.pl/api")
	})
}

// A readiness check writes to Redis, but at most once a second, however often it is asked for.
func TestRedis_ReadinessAskedOften_WritesAreFew(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, quickSim, hasty)
	addr, _ := p.workAt()
	writes := func() int64 {
		var n int64
		for line := range strings.Lines(p.base.Redis.Info(t.Context(), "commandstats").Val()) {
			if _, err := fmt.Sscanf(line, "cmdstat_set:calls=%d,", &n); err == nil {
				return n
			}
		}
		return 0
	}
	page(t, addr, "/readyz")
	began, before := time.Now(), writes()
	const asked = 300
	for range asked {
		page(t, addr, "/readyz")
	}
	// Heartbeats write too, a few times a second.
	if n, maxWrites := writes()-before, int64(time.Since(began)/time.Second+1)*20; n > maxWrites && n >= asked {
		t.Errorf("%d writes for %d checks, want fewer writes than checks, or at most %d writes", n, asked, maxWrites)
	}
}
