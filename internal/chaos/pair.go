//go:build unix

package chaos

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"ksefworker/internal/redisd"
)

// masterName is what the Sentinel calls the master.
const masterName = "chaos"

// pair is a Redis master with a replica and the Sentinel that watches them. Safe for concurrent use.
type pair struct {
	sentinel string // its address
	watch    *redis.SentinelClient
	child    *process

	mu              sync.Mutex // one failover at a time
	master, replica *redisd.Server
}

// durable syncs every write: of a Redis that may lose the last second nobody promises anything. A replica is filled at
// once, not after five seconds, and before it has everything the Sentinel must not choose it: an old master that has
// just come back would bring its old truth back with it.
func durable(dir string) redisd.Options {
	return redisd.Options{Dir: dir, AppendOnly: true,
		Args: []string{"--appendfsync", "always", "--repl-diskless-sync-delay", "0", "--replica-priority", "0"}}
}

// down is how long a master must be silent. A loaded test machine is silent for longer than one would think.
const down = 3 * time.Second

// startPair begins with an own master that already runs.
func startPair(ctx context.Context, dir string, master *redisd.Server) (*pair, error) {
	p := &pair{master: master}
	var err error
	if p.replica, err = redisd.Start(ctx, durable(filepath.Join(dir, "replica"))); err != nil {
		return nil, err
	}
	if err = p.follow(ctx); err == nil {
		err = p.startSentinel(ctx, dir)
	}
	if err == nil {
		err = p.known(ctx)
	}
	if err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

func (p *pair) startSentinel(ctx context.Context, dir string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	p.sentinel = l.Addr().String()
	_, port, _ := net.SplitHostPort(p.sentinel)
	host, of, _ := net.SplitHostPort(p.master.Addr())
	home := filepath.Join(dir, "sentinel")
	conf := filepath.Join(home, "sentinel.conf")
	text := fmt.Sprintf("port %s\nbind 127.0.0.1\ndir %s\nsentinel monitor %s %s %s 1\n", port, home, masterName, host, of)
	text += fmt.Sprintf("sentinel down-after-milliseconds %s %d\n", masterName, down.Milliseconds())
	text += fmt.Sprintf("sentinel failover-timeout %s 6000\n", masterName)
	binary, missing := redisd.Find()
	if err := errors.Join(missing, os.MkdirAll(home, 0o700), os.WriteFile(conf, []byte(text), 0o600), l.Close()); err != nil {
		return err
	}
	if p.child, err = launch(binary, []string{conf, "--sentinel"}, filepath.Join(home, "sentinel.log")); err != nil {
		return err
	}
	p.watch = redis.NewSentinelClient(&redis.Options{Addr: p.sentinel})
	return p.until(ctx, 10*time.Second, "the Sentinel asks its servers every half second", func() bool {
		return do(ctx, p.sentinel, "SENTINEL", "DEBUG", "INFO-PERIOD", "500") == nil // ten seconds otherwise
	})
}

// settings are those of Redis in the workers' configuration.
func (p *pair) settings() string {
	return fmt.Sprintf("{sentinel: {master: %s, addrs: [%q]}}", masterName, p.sentinel)
}

// failover lets the replica fall behind for the lag, kills the master, and returns when the Sentinel has made the
// replica master and the old one has come back as its replica. What the master was told meanwhile is lost.
func (p *pair) failover(ctx context.Context, lag time.Duration) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.order(ctx, p.replica, "127.0.0.1", "1"); err != nil { // nobody listens there: it keeps what it has
		return err
	}
	select {
	case <-time.After(lag):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if err := p.master.Kill(); err != nil {
		return err
	}
	p.master, p.replica = p.replica, p.master
	err := p.until(ctx, 40*time.Second, "the replica is master", func() bool {
		named, err := p.watch.GetMasterAddrByName(ctx, masterName).Result()
		return err == nil && net.JoinHostPort(named[0], named[1]) == p.master.Addr() && p.says(ctx, p.master, "role:master")
	})
	if err != nil {
		return err
	}
	wide, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := p.replica.Restart(wide); err != nil {
		return err
	}
	return errors.Join(p.follow(ctx), p.known(ctx))
}

// known returns when the Sentinel would choose the replica.
func (p *pair) known(ctx context.Context) error {
	_, port, _ := net.SplitHostPort(p.replica.Addr())
	return p.until(ctx, 30*time.Second, "the Sentinel knows the replica", func() bool {
		all, err := p.watch.Replicas(ctx, masterName).Result()
		return err == nil && len(all) == 1 && all[0]["port"] == port && all[0]["slave-priority"] == "100" && all[0]["master-link-status"] == "ok"
	})
}

// follow makes the one the other's replica, and returns when it has everything.
func (p *pair) follow(ctx context.Context) error {
	host, port, _ := net.SplitHostPort(p.master.Addr())
	if err := p.order(ctx, p.replica, host, port); err != nil {
		return err
	}
	err := p.until(ctx, time.Minute, "the replica has everything", func() bool {
		return p.says(ctx, p.replica, "master_link_status:up") && p.says(ctx, p.replica, "master_port:"+port)
	})
	if err != nil {
		return err
	}
	return do(ctx, p.replica.Addr(), "CONFIG", "SET", "replica-priority", "100")
}

func (p *pair) order(ctx context.Context, s *redisd.Server, host, port string) error {
	return do(ctx, s.Addr(), "REPLICAOF", host, port)
}

func do(ctx context.Context, addr string, args ...any) error {
	c := redis.NewClient(&redis.Options{Addr: addr})
	defer c.Close()
	return c.Do(ctx, args...).Err()
}

func (p *pair) says(ctx context.Context, s *redisd.Server, what string) bool {
	c := redis.NewClient(&redis.Options{Addr: s.Addr(), MaxRetries: -1})
	defer c.Close()
	info, err := c.Info(ctx, "replication").Result()
	return err == nil && strings.Contains(info, what+"\r\n")
}

func (p *pair) until(ctx context.Context, within time.Duration, what string, done func() bool) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	late := time.After(within)
	for !done() {
		select {
		case <-tick.C:
		case <-late:
			return fmt.Errorf("after %v not yet: %s", within, what)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// stop ends the Sentinel first, or it would promote somebody. The first master is stopped by who started it; it may be
// the replica by now.
func (p *pair) stop() {
	if p.child != nil {
		_ = p.child.cmd.Process.Signal(syscall.SIGKILL)
		<-p.child.gone
		_ = p.watch.Close()
	}
	for _, s := range []*redisd.Server{p.master, p.replica} {
		if s != nil {
			_ = s.Stop()
		}
	}
}
