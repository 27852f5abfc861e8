package app_test

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ksefworker/config"
	"ksefworker/internal/connect"
	"ksefworker/internal/ledger"
	"ksefworker/internal/redisd"
	"ksefworker/internal/redisd/redistest"
	"ksefworker/internal/sample"
	"ksefworker/internal/tasks"
)

// The master behind a proxy is demoted, and the proxy leads new connections to the new one. Those
// that are open stay with the replica, which answers READONLY for ever; a proxy may say that in its
// own words.
func TestRedis_MasterBehindAProxyIsDemoted_TheClientDialsAgainAndWorkGoesOn(t *testing.T) {
	t.Parallel()
	for name, words := range map[string][2]string{"as Redis says it": {}, "as a proxy says it": {"-READONLY ", "-ERR READONLY "}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var first, second *redisd.Server
			var f *forwarder
			p := newPool(t, 1, quickSim, func(c *config.Config) {
				hasty(c)
				first = redistest.StartWith(t, redisd.Options{AppendOnly: true, Args: []string{"--repl-diskless-sync-delay", "0"}})
				host, port, err := net.SplitHostPort(first.Addr())
				if err != nil {
					t.Fatal(err)
				}
				second = redistest.StartWith(t, redisd.Options{AppendOnly: true, Args: []string{"--replicaof", host, port, "--repl-diskless-sync-delay", "0"}})
				f = newForwarder(t, first.Addr(), words)
				c.Redis.URL = "redis://" + f.addr + "/0"
			})
			one, two := redistest.Client(t, first), redistest.Client(t, second)
			addr, _ := p.workAt()
			taken := p.admit(tasks.Terms{Lane: ledger.Bulk}, good(sample.NIP(0), 8)...)
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
			if err := two.SlaveOf(t.Context(), "NO", "ONE").Err(); err != nil {
				t.Fatal(err)
			}
			if err := one.SlaveOf(t.Context(), host, port).Err(); err != nil {
				t.Fatal(err)
			}
			until(t, 30*time.Second, "it is ready again", func() bool { return strings.Contains(get(t, "http://"+addr+"/readyz"), `"ready": true`) })
			a, err := p.base.Admitter()
			if err != nil {
				t.Fatal(err)
			}
			docs := numbered(sample.NIP(0), "AFTER", 8)
			until(t, 30*time.Second, "the new master takes invoices in", func() bool {
				taken, err = a.Admit(t.Context(), docs, tasks.Terms{Lane: ledger.Bulk})
				return err == nil && taken[0].Err == nil
			})
			p.wait(60*time.Second, taken, ledger.Receipted)
			p.balanced(16)
			// Whatever still went to the demoted node would be read from what it knew then.
			until(t, 30*time.Second, "nobody of the pool is connected to the demoted node", func() bool {
				for line := range strings.Lines(one.ClientList(t.Context()).Val()) {
					if strings.Contains(line, "cmd=") && !strings.Contains(line, "cmd=client|list") && !strings.Contains(line, "flags=M") &&
						!strings.Contains(line, "cmd=subscribe") && recent(line) {
						return false
					}
				}
				return true
			})
		})
	}
}

// recent reports that a line of CLIENT LIST is of a connection that said something within the last
// two seconds.
func recent(line string) bool {
	return strings.Contains(line, " idle=0 ") || strings.Contains(line, " idle=1 ")
}

// A password is replaced where Redis keeps it and in the file; what is connected stays so, and what
// connects reads the file.
func TestRedis_PasswordIsReplaced_NewConnectionsUseTheNewOne(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "password")
	write := func(password string) {
		if err := os.WriteFile(file, []byte(password+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var admin *redis.Client
	p := newPool(t, 1, quickSim, func(c *config.Config) {
		hasty(c)
		srv := redistest.StartWith(t, redisd.Options{AppendOnly: true})
		admin = redistest.Client(t, srv)
		if err := admin.Do(t.Context(), "ACL", "SETUSER", "worker", "on", ">first", "~*", "&*", "+@all").Err(); err != nil {
			t.Fatal(err)
		}
		write("first")
		c.Redis.URL, c.Redis.Username, c.Redis.PasswordFile = srv.URL(), "worker", file
	})
	addr, _ := p.workAt()
	p.wait(60*time.Second, p.admit(tasks.Terms{Lane: ledger.Bulk}, good(sample.NIP(0), 4)...), ledger.Receipted)
	write("second")
	for _, cmd := range [][]any{{"ACL", "SETUSER", "worker", "resetpass", ">second"}, {"CLIENT", "KILL", "USER", "worker"}} {
		if err := admin.Do(t.Context(), cmd...).Err(); err != nil {
			t.Fatal(err)
		}
	}
	until(t, 30*time.Second, "it is ready with the new password", func() bool {
		return strings.Contains(get(t, "http://"+addr+"/readyz"), `"ready": true`)
	})
	p.wait(60*time.Second, p.admit(tasks.Terms{Lane: ledger.Bulk}, numbered(sample.NIP(0), "AFTER", 4)...), ledger.Receipted)
	p.balanced(8)
}

// The same for the Sentinels' own password.
func TestSentinel_PasswordIsReplaced_NewConnectionsUseTheNewOne(t *testing.T) {
	t.Parallel()
	srv := redistest.StartWith(t, redisd.Options{AppendOnly: true})
	host, port, err := net.SplitHostPort(srv.Addr())
	if err != nil {
		t.Fatal(err)
	}
	binary, err := redisd.Find()
	if err != nil {
		t.Fatal(err)
	}
	dir, own := t.TempDir(), freePort(t)
	conf, file := filepath.Join(dir, "sentinel.conf"), filepath.Join(dir, "password")
	write := func(path, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(conf, fmt.Sprintf("port %s\nbind 127.0.0.1\nrequirepass first\nsentinel monitor %s %s %s 1\n", own, master, host, port))
	write(file, "first\n")
	cmd := exec.Command(binary, conf, "--sentinel")
	cmd.Dir = dir
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	sentinel := redis.NewClient(&redis.Options{Addr: "127.0.0.1:" + own, Password: "first"})
	defer sentinel.Close()
	until(t, 30*time.Second, "the sentinel is up", func() bool { return sentinel.Ping(t.Context()).Err() == nil })
	cfg := redisConfig(t, srv.URL())
	cfg.Redis.Sentinel = config.Sentinel{Master: master, Addrs: []string{"127.0.0.1:" + own}, PasswordFile: file}
	cfg.Redis.WaitReplicas = 0
	b, err := connect.Open(t.Context(), cfg)
	if err != nil {
		t.Fatalf("with the Sentinel's password: %v", err)
	}
	defer b.Close()
	write(file, "second\n")
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
		t.Fatalf("a new client: %v", err)
	}
	fresh.Close()
}

// The address leads to another server, which evicts. Whoever was there at start has checked the
// first one.
func TestRedis_FailsOverToOneThatForgets_ReadinessAndLogSayIt(t *testing.T) {
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
	until(t, 30*time.Second, "it is ready", func() bool { return strings.Contains(get(t, "http://"+addr+"/readyz"), `"ready": true`) })
	f.to.Store(second.Addr())
	f.cut()
	until(t, 30*time.Second, "readiness says what is wrong with the new one", func() bool {
		ready := get(t, "http://"+addr+"/readyz")
		return strings.Contains(ready, `"ready": false`) && strings.Contains(ready, "maxmemory-policy is allkeys-lru")
	})
	until(t, 30*time.Second, "the log says it too", func() bool {
		return strings.Contains(p.log.String(), "redis is another server") && strings.Contains(p.log.String(), "this worker is not ready: this Redis may lose invoices")
	})
	if err := redistest.Client(t, second).ConfigSet(t.Context(), "maxmemory-policy", "noeviction").Err(); err != nil {
		t.Fatal(err)
	}
	until(t, 30*time.Second, "it is ready once that is put right", func() bool {
		return strings.Contains(get(t, "http://"+addr+"/readyz"), `"ready": true`)
	})
	// Then the address leads to the Redis of another environment.
	foreign := ledger.Home{V: ledger.Version, Environment: "production", Address: "https://ksefapi.pl/api"}
	value, err := json.Marshal(foreign)
	if err != nil {
		t.Fatal(err)
	}
	if err := redistest.Client(t, second).Set(t.Context(), "ksef:home", value, 0).Err(); err != nil {
		t.Fatal(err)
	}
	until(t, 30*time.Second, "readiness says whose ledger that is", func() bool {
		ready := get(t, "http://"+addr+"/readyz")
		return strings.Contains(ready, `"ready": false`) && strings.Contains(ready, "belongs to production at https://ksefapi.pl/api")
	})
}

// Readiness writes, and however often it is asked, not more often than once a second.
func TestRedis_ReadinessIsAskedOften_WritesAreFew(t *testing.T) {
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
	get(t, "http://"+addr+"/readyz")
	began, before := time.Now(), writes()
	const asked = 300
	for range asked {
		get(t, "http://"+addr+"/readyz")
	}
	// Others write as well (heartbeats), some a second.
	if n, most := writes()-before, int64(time.Since(began)/time.Second+1)*20; n > most && n >= asked {
		t.Errorf("%d writes for %d questions, want at most %d", n, asked, most)
	}
}
