//go:build unix

package chaos

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ksefworker/internal/redisd/redistest"
)

// After a failover, the keys that the replica had are kept. The keys that were written to the
// master during the lag are lost. The next failover goes in the other direction.
func TestPair_Failover_LosesTheLagAndNothingElse(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	first := redistest.StartWith(t, durable(filepath.Join(dir, "redis")))
	p, err := startPair(ctx, dir, first)
	if err != nil {
		t.Fatal(err)
	}
	defer p.stop()
	client := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: masterName, SentinelAddrs: []string{p.sentinel}})
	defer client.Close()
	for round := range 2 {
		kept, gone := fmt.Sprint("kept", round), fmt.Sprint("gone", round)
		if err := client.Set(ctx, kept, "1", 0).Err(); err != nil {
			t.Fatal(err)
		}
		if n, err := client.Wait(ctx, 1, 5*time.Second).Result(); err != nil || n != 1 {
			t.Fatalf("%d replicas have the write, want one: %v", n, err)
		}
		old := redis.NewClient(&redis.Options{Addr: p.master.Addr(), MaxRetries: -1})
		done := make(chan error, 1)
		go func() { done <- p.failover(ctx, 300*time.Millisecond) }()
		lost := false
		for { // the last write before the master dies must reach the master alone
			info, err := old.Info(ctx, "replication").Result()
			if err != nil {
				break
			}
			if strings.Contains(info, "connected_slaves:0") {
				lost = old.Set(ctx, gone, "1", 0).Err() == nil || lost
			}
		}
		_ = old.Close()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if !lost {
			t.Error("nothing could be written during the lag")
		}
		if n, err := client.Exists(ctx, kept).Result(); err != nil || n != 1 {
			t.Errorf("round %d: of what the replica had, %d keys are left, want one: %v", round, n, err)
		}
		if n, err := client.Exists(ctx, gone).Result(); err != nil || n != 0 {
			t.Errorf("round %d: of what only the master had, %d keys are left, want none: %v", round, n, err)
		}
	}
	if p.master != first {
		t.Error("after two failovers the first server is not master again")
	}
}
