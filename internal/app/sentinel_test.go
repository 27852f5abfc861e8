package app_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ksefworker/config"
	"ksefworker/internal/app"
	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/redisd"
	"ksefworker/internal/redisd/redistest"
	"ksefworker/internal/sample"
)

// master is the name of the Redis that the Sentinels watch.
const master = "ledger"

// startMaster starts a Redis to which replicas connect without delay.
func startMaster(t *testing.T) *redisd.Server {
	t.Helper()
	return redistest.StartWith(t, redisd.Options{AppendOnly: true, Args: []string{"--repl-diskless-sync-delay", "0"}})
}

// startReplica starts a replica of a Redis.
func startReplica(t *testing.T, of *redisd.Server) *redisd.Server {
	t.Helper()
	host, port, err := net.SplitHostPort(of.Addr())
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"--replicaof", host, port, "--repl-diskless-sync-delay", "0"}
	return redistest.StartWith(t, redisd.Options{AppendOnly: true, Args: args})
}

// startSentinel starts a Sentinel with this configuration on a free port, and returns its address.
func startSentinel(t *testing.T, conf string) (addr string) {
	t.Helper()
	binary, err := redisd.Find()
	if err != nil {
		t.Fatal(err)
	}
	port, file := freePort(t), filepath.Join(t.TempDir(), "sentinel.conf")
	writeFile(t, file, "port "+port+"\nbind 127.0.0.1\n"+conf)
	cmd := exec.Command(binary, file, "--sentinel")
	cmd.Dir = filepath.Dir(file)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return "127.0.0.1:" + port
}

// sentinels starts three Sentinels that watch a Redis, waits until the first one reports what ok
// expects, and returns their configuration.
func sentinels(t *testing.T, watched *redisd.Server, what string, ok func(info map[string]string) bool) config.Sentinel {
	t.Helper()
	host, port, err := net.SplitHostPort(watched.Addr())
	if err != nil {
		t.Fatal(err)
	}
	s := config.Sentinel{Master: master}
	for range 3 {
		s.Addrs = append(s.Addrs, startSentinel(t, fmt.Sprintf("sentinel monitor %s %s %s 2\n"+
			"sentinel down-after-milliseconds %s 1000\nsentinel failover-timeout %s 5000\n", master, host, port, master, master)))
	}
	client := redis.NewSentinelClient(&redis.Options{Addr: s.Addrs[0]})
	defer client.Close()
	until(t, 30*time.Second, what, func() bool {
		info, err := client.Master(context.Background(), master).Result()
		return err == nil && ok(info)
	})
	return s
}

// Redis fails over to a replica during a run. The workers find the new master by themselves, and
// the books balance.
func TestSentinel_MasterKilledDuringARun_BooksBalance(t *testing.T) {
	t.Parallel()
	var first *redisd.Server
	p := newPool(t, 1, quickSim, func(c *config.Config) {
		hasty(c)
		first = startMaster(t)
		for range 2 {
			startReplica(t, first)
		}
		c.Redis.Sentinel = sentinels(t, first, "the sentinels know both replicas and each other", func(info map[string]string) bool {
			return info["num-slaves"] == "2" && info["num-other-sentinels"] == "2"
		})
	})
	until(t, 30*time.Second, "a replica follows the master", func() bool { return p.base.Ledger.Replicated(t.Context()) == nil })
	p.work()
	p.work()
	taken := p.admit(intake.Terms{Lane: ledger.Express}, good(sample.NIP(0), 4)...)
	taken = append(taken, p.admit(intake.Terms{Lane: ledger.Bulk}, good(sample.NIP(0), 60)[4:]...)...)
	until(t, 30*time.Second, "an invoice is on its way", func() bool { return p.state(taken[10]).State != ledger.Queued })
	if err := first.Kill(); err != nil {
		t.Fatal(err)
	}
	until(t, 60*time.Second, "a replica has become the master", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		return p.base.Redis.Set(ctx, "probe", "1", 0).Err() == nil
	})
	// Replication is asynchronous. So invoices that the new master had not received yet are lost,
	// as if they had never been taken in. The export is handed in again, as an operator would do.
	a := p.base.Admitter()
	var again []intake.Admission
	var err error
	until(t, 60*time.Second, "the export is taken in, because the other replica follows the new master", func() bool {
		again, err = a.Admit(t.Context(), good(sample.NIP(0), 60), intake.Terms{})
		return err == nil
	})
	p.wait(120*time.Second, again, ledger.Receipted)
	p.balanced(60)
}

// With Sentinel, writes wait for one replica. Without any replica the pool takes in and sends
// nothing, and readiness, --check and the log say why. When there is a replica, the pool goes on.
func TestSentinel_NoReplicaConnected_ThePoolWaitsAndGoesOnWithOne(t *testing.T) {
	t.Parallel()
	var first *redisd.Server
	p := newPool(t, 1, quickSim, func(c *config.Config) {
		hasty(c)
		first = startMaster(t)
		c.Redis.Sentinel = sentinels(t, first, "the sentinels know the master", func(map[string]string) bool { return true })
		c.Redis.WaitTimeout = 200 * time.Millisecond
	})
	addr, _ := p.workAt()
	a := p.base.Admitter()
	docs := good(sample.NIP(0), 6)
	_, err := a.Admit(t.Context(), docs, intake.Terms{Lane: ledger.Bulk})
	if _, lags := errors.AsType[*ledger.ReplicaError](err); !lags {
		t.Errorf("handing in documents without a replica returned %v, want a ReplicaError", err)
	}
	if answer := page(t, addr, "/readyz"); !strings.Contains(answer, `"ready": false`) || !strings.Contains(answer, "0 of 1 replicas") {
		t.Errorf("readiness is not false, or does not say that 0 of 1 replicas are there: %s", answer)
	}
	out, err := checkOutput(t, p.cfg)
	if !errors.Is(err, app.ErrCheck) || !strings.Contains(out, "redis.wait_replicas is 1 and 0 are connected") {
		t.Errorf("--check ends with %v, want a fault about the replicas\n%s", err, out)
	}
	until(t, 30*time.Second, "the worker's log says why nothing is sent", func() bool {
		return strings.Contains(p.log.String(), "0 of 1 replicas")
	})
	if n := p.sim.Books().Requests["batchSessionClose"]; n != 0 {
		t.Errorf("%d sessions were closed without a replica, want none", n)
	}
	startReplica(t, first)
	var taken []intake.Admission
	until(t, 30*time.Second, "the same files are taken in", func() bool {
		taken, err = a.Admit(t.Context(), docs, intake.Terms{Lane: ledger.Bulk})
		return err == nil
	})
	p.wait(60*time.Second, taken, ledger.Receipted)
	p.balanced(6)
}
