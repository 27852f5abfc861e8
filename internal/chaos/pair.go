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

	"ksefworker/config"
	"ksefworker/internal/redisd"
)

// masterName is what the Sentinel calls the master.
const masterName = "chaos"

// pair is a Redis master with a replica and the Sentinel that watches them. Safe for concurrent
// use.
type pair struct {
	sentinel string // its address
	watch    *redis.SentinelClient
	child    *child // the Sentinel's process

	mu              sync.Mutex // one failover at a time
	master, replica *redisd.Server
}

// durable returns options for a server that syncs every write, because this program promises
// nothing for a Redis that may lose its last second. A replica is filled at once, not after five
// seconds. A server starts with priority 0, with which the Sentinel never chooses it. It gets
// another priority when it has all data. Otherwise an old master that has just come back could
// become the master with its old data.
func durable(dir string) redisd.Options {
	return redisd.Options{
		Dir: dir, AppendOnly: true,
		Args: []string{"--appendfsync", "always", "--repl-diskless-sync-delay", "0", "--replica-priority", "0"},
	}
}

// downAfter is how long a master must be silent before it counts as down. On a loaded test machine
// a healthy master can be silent for a surprisingly long time.
const downAfter = 3 * time.Second

// startPair starts a replica and a Sentinel for a master that already runs.
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
		err = p.sentinelReady(ctx)
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
	host, masterPort, _ := net.SplitHostPort(p.master.Addr())
	home := filepath.Join(dir, "sentinel")
	conf := filepath.Join(home, "sentinel.conf")
	text := fmt.Sprintf("port %s\nbind 127.0.0.1\ndir %s\nsentinel monitor %s %s %s 1\n", port, home, masterName, host, masterPort)
	text += fmt.Sprintf("sentinel down-after-milliseconds %s %d\n", masterName, downAfter.Milliseconds())
	text += fmt.Sprintf("sentinel failover-timeout %s 6000\n", masterName)
	binary, missing := redisd.Find()
	if err := errors.Join(missing, os.MkdirAll(home, 0o700), os.WriteFile(conf, []byte(text), 0o600), l.Close()); err != nil {
		return err
	}
	if p.child, err = startChild(binary, []string{conf, "--sentinel"}, filepath.Join(home, "sentinel.log")); err != nil {
		return err
	}
	p.watch = redis.NewSentinelClient(&redis.Options{Addr: p.sentinel})
	return eventually(ctx, 10*time.Second, "the Sentinel asks its servers every half second", func() bool {
		return do(ctx, p.sentinel, "SENTINEL", "DEBUG", "INFO-PERIOD", "500") == nil // default: ten seconds
	})
}

// settings returns the workers' settings for Redis.
func (p *pair) settings() config.Redis {
	c := config.Default().Redis
	c.Sentinel.Master, c.Sentinel.Addrs = masterName, []string{p.sentinel}
	return c
}

// failover cuts the replica off for the time of the lag and kills the master. It returns when the
// Sentinel has made the replica the master and the old master has come back as a replica.
// Everything that was written to the master during the lag is lost.
func (p *pair) failover(ctx context.Context, lag time.Duration) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := replicaOf(ctx, p.replica, "127.0.0.1", "1"); err != nil { // nobody listens there: the replica keeps what it has
		return err
	}
	if err := pause(ctx, lag); err != nil {
		return err
	}
	if err := p.master.Kill(); err != nil {
		return err
	}
	p.master, p.replica = p.replica, p.master
	err := eventually(ctx, 40*time.Second, "the replica is master", func() bool {
		named, err := p.watch.GetMasterAddrByName(ctx, masterName).Result()
		return err == nil && net.JoinHostPort(named[0], named[1]) == p.master.Addr() && says(ctx, p.master, "role:master")
	})
	if err != nil {
		return err
	}
	bounded, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := p.replica.Restart(bounded); err != nil {
		return err
	}
	return errors.Join(p.follow(ctx), p.sentinelReady(ctx))
}

// sentinelReady returns when the Sentinel would choose the replica in a failover.
func (p *pair) sentinelReady(ctx context.Context) error {
	_, port, _ := net.SplitHostPort(p.replica.Addr())
	return eventually(ctx, 30*time.Second, "the Sentinel knows the replica", func() bool {
		all, err := p.watch.Replicas(ctx, masterName).Result()
		if err != nil || len(all) != 1 || all[0]["port"] != port {
			return false
		}
		return all[0]["slave-priority"] == "100" && all[0]["master-link-status"] == "ok"
	})
}

// follow makes the replica follow the master. When the replica has everything, follow lets the
// Sentinel choose it again, and returns.
func (p *pair) follow(ctx context.Context) error {
	host, port, _ := net.SplitHostPort(p.master.Addr())
	if err := replicaOf(ctx, p.replica, host, port); err != nil {
		return err
	}
	err := eventually(ctx, time.Minute, "the replica has everything", func() bool {
		return says(ctx, p.replica, "master_link_status:up") && says(ctx, p.replica, "master_port:"+port)
	})
	if err != nil {
		return err
	}
	return do(ctx, p.replica.Addr(), "CONFIG", "SET", "replica-priority", "100")
}

func replicaOf(ctx context.Context, s *redisd.Server, host, port string) error {
	return do(ctx, s.Addr(), "REPLICAOF", host, port)
}

func do(ctx context.Context, addr string, args ...any) error {
	c := redis.NewClient(&redis.Options{Addr: addr})
	defer c.Close()
	return c.Do(ctx, args...).Err()
}

// says reports whether a server's answer to INFO replication has this line.
func says(ctx context.Context, s *redisd.Server, line string) bool {
	c := redis.NewClient(&redis.Options{Addr: s.Addr(), MaxRetries: -1})
	defer c.Close()
	info, err := c.Info(ctx, "replication").Result()
	return err == nil && strings.Contains(info, line+"\r\n")
}

// eventually polls until a condition is true. Its error says what is not true yet.
func eventually(ctx context.Context, within time.Duration, what string, holds func() bool) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	late := time.After(within)
	for !holds() {
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

// stop ends the Sentinel first, because the Sentinel would promote the replica otherwise. Then it
// stops both servers; a server may be stopped twice.
func (p *pair) stop() {
	if p.child != nil {
		p.child.signal(syscall.SIGKILL)
		<-p.child.gone
		_ = p.watch.Close()
	}
	for _, s := range []*redisd.Server{p.master, p.replica} {
		if s != nil {
			_ = s.Stop()
		}
	}
}
