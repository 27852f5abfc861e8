package app_test

import (
	"context"
	"errors"
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
	"ksefworker/internal/app"
	"ksefworker/internal/ledger"
	"ksefworker/internal/redisd"
	"ksefworker/internal/redisd/redistest"
	"ksefworker/internal/sample"
	"ksefworker/internal/tasks"
)

const master = "ledger"

// sentinels starts three that watch the master at addr, and returns their addresses.
func sentinels(t *testing.T, addr string) []string {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	binary, err := redisd.Find()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for range 3 {
		own := freePort(t)
		conf := filepath.Join(t.TempDir(), "sentinel.conf")
		text := fmt.Sprintf("port %s\nbind 127.0.0.1\nsentinel monitor %s %s %s 2\nsentinel down-after-milliseconds %s 1000\nsentinel failover-timeout %s 5000\n", own, master, host, port, master, master)
		if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(binary, conf, "--sentinel")
		cmd.Dir = filepath.Dir(conf)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
		out = append(out, "127.0.0.1:"+own)
	}
	return out
}

// Redis fails over to a replica in the middle of a run: workers find the new master by themselves, and the books balance.
func TestSentinel_MasterKilledInTheMiddle_BooksBalanced(t *testing.T) {
	t.Parallel()
	var first *redisd.Server
	p := newPool(t, 1, quickSim, func(c *config.Config) {
		hasty(c)
		first = redistest.StartWith(t, redisd.Options{AppendOnly: true, Args: []string{"--repl-diskless-sync-delay", "0"}})
		host, port, err := net.SplitHostPort(first.Addr())
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			redistest.StartWith(t, redisd.Options{AppendOnly: true, Args: []string{"--replicaof", host, port, "--repl-diskless-sync-delay", "0"}})
		}
		c.Redis.Sentinel = config.Sentinel{Master: master, Addrs: sentinels(t, first.Addr())}
		watch := redis.NewSentinelClient(&redis.Options{Addr: c.Redis.Sentinel.Addrs[0]})
		defer watch.Close()
		until(t, 30*time.Second, "the sentinels know both replicas and each other", func() bool {
			info, err := watch.Master(context.Background(), master).Result()
			return err == nil && info["num-slaves"] == "2" && info["num-other-sentinels"] == "2"
		})
	})
	until(t, 30*time.Second, "a replica follows", func() bool { return p.base.Ledger.Replicated(t.Context()) == nil })
	p.work()
	p.work()
	taken := p.admit(tasks.Terms{Lane: ledger.Express}, good(sample.NIP(0), 4)...)
	taken = append(taken, p.admit(tasks.Terms{Lane: ledger.Bulk}, good(sample.NIP(0), 60)[4:]...)...)
	until(t, 30*time.Second, "something is on its way", func() bool { return p.state(taken[10]).State != ledger.Queued })
	if err := first.Kill(); err != nil {
		t.Fatal(err)
	}
	until(t, 60*time.Second, "a replica is master", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		return p.base.Redis.Set(ctx, "probe", "1", 0).Err() == nil
	})
	// Replication is not synchronous: what the master had not passed on is gone, as if it had never been taken in. The export is handed in again, as the operator would.
	a, err := p.base.Admitter()
	if err != nil {
		t.Fatal(err)
	}
	var again []tasks.Admission
	until(t, 60*time.Second, "they are accepted, as soon as the other replica follows the new master", func() bool {
		again, err = a.Admit(t.Context(), good(sample.NIP(0), 60), tasks.Terms{})
		return err == nil
	})
	p.wait(120*time.Second, again, ledger.Receipted)
	p.balanced(60)
}

// With Sentinel one replica is waited for. Without any the pool stands still, says so everywhere, and goes on by itself.
func TestSentinel_NoReplicaIsConnected_ThePoolSaysSoAndGoesOnWithOne(t *testing.T) {
	t.Parallel()
	var first *redisd.Server
	p := newPool(t, 1, quickSim, func(c *config.Config) {
		hasty(c)
		first = redistest.StartWith(t, redisd.Options{AppendOnly: true, Args: []string{"--repl-diskless-sync-delay", "0"}})
		c.Redis.Sentinel = config.Sentinel{Master: master, Addrs: sentinels(t, first.Addr())}
		c.Redis.WaitTimeout = 200 * time.Millisecond
		watch := redis.NewSentinelClient(&redis.Options{Addr: c.Redis.Sentinel.Addrs[0]})
		defer watch.Close()
		until(t, 30*time.Second, "the sentinels know the master", func() bool {
			_, err := watch.Master(context.Background(), master).Result()
			return err == nil
		})
	})
	addr, _ := p.workAt()
	a, err := p.base.Admitter()
	if err != nil {
		t.Fatal(err)
	}
	docs := good(sample.NIP(0), 6)
	_, err = a.Admit(t.Context(), docs, tasks.Terms{Lane: ledger.Bulk})
	if _, lags := errors.AsType[*ledger.ReplicaError](err); !lags {
		t.Errorf("handed in without a replica: %v", err)
	}
	if ready := get(t, "http://"+addr+"/readyz"); !strings.Contains(ready, `"ready": false`) || !strings.Contains(ready, "0 of 1 replicas") {
		t.Errorf("readiness: %s", ready)
	}
	var out strings.Builder
	if err := app.CheckAll(t.Context(), p.cfg, &out); !errors.Is(err, app.ErrCheck) || !strings.Contains(out.String(), "redis.wait_replicas is 1 and 0 are connected") {
		t.Errorf("--check says %v\n%s", err, out.String())
	}
	until(t, 30*time.Second, "the worker's log says why nothing is sent", func() bool { return strings.Contains(p.log.String(), "0 of 1 replicas") })
	if n := p.sim.Books().Requests["batchSessionClose"]; n != 0 {
		t.Errorf("%d sessions were closed without a replica that knows it", n)
	}
	host, port, err := net.SplitHostPort(first.Addr())
	if err != nil {
		t.Fatal(err)
	}
	redistest.StartWith(t, redisd.Options{AppendOnly: true, Args: []string{"--replicaof", host, port}})
	var taken []tasks.Admission
	until(t, 30*time.Second, "the same files are accepted", func() bool {
		taken, err = a.Admit(t.Context(), docs, tasks.Terms{Lane: ledger.Bulk})
		return err == nil
	})
	p.wait(60*time.Second, taken, ledger.Receipted)
	p.balanced(6)
}
