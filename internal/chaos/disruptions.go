//go:build unix

package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"ksefworker/internal/queue"
)

// disruption is one thing that is done to a process at a moment of the run.
type disruption struct {
	at     time.Duration // from the beginning of the run
	kind   string
	worker int           // index of the worker that it hits
	lasts  time.Duration // how long Redis stays away, or the worker is paused
}

const (
	killWorker   = "kill"
	stopWorker   = "stop"
	pauseWorker  = "pause"
	killRedis    = "redis-kill"
	restartRedis = "redis-stop"
	expireLeases = "lease-expiry"
)

// longPause is longer than asynq's lease, which is 30 s and cannot be set.
const longPause = 35 * time.Second

// drawDisruptions draws the disruptions of a run, in random order and spread over the time in which
// invoices are handed in.
func drawDisruptions(o Options, dice *rand.Rand) []disruption {
	var all []disruption
	add := func(n int, kind string, lasts time.Duration) {
		for range n {
			all = append(all, disruption{kind: kind, worker: dice.IntN(o.Workers), lasts: lasts})
		}
	}
	add(o.Disruptions.Kills, killWorker, 0)
	add(o.Disruptions.Stops, stopWorker, 0)
	add(o.Disruptions.Pauses, pauseWorker, o.Disruptions.Pause)
	add(o.Disruptions.LongPauses, pauseWorker, longPause)
	add(o.Disruptions.RedisKills, killRedis, time.Duration(200+dice.IntN(1800))*time.Millisecond)
	add(o.Disruptions.RedisStops, restartRedis, 0)
	add(o.Disruptions.ExpiredLeases, expireLeases, 0)
	dice.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for i := range all {
		step := o.Feed / time.Duration(len(all))
		all[i].at = step*time.Duration(i) + time.Duration(dice.Int64N(int64(step)))
	}
	slices.SortFunc(all, func(a, b disruption) int { return int(a.at - b.at) })
	return all
}

// disruptor disrupts the parts of a run, and records what it did.
type disruptor struct{ *run }

// disrupt does each disruption at its moment. It returns when the last pause is over and Redis is
// back.
func (ds *disruptor) disrupt(ctx context.Context, disruptions []disruption) error {
	var pauses sync.WaitGroup
	defer pauses.Wait()
	for _, d := range disruptions {
		if err := ds.until(ctx, d.at); err != nil {
			return err
		}
		if ds.pair != nil && (d.kind == killRedis || d.kind == restartRedis) {
			// When Redis is a pair, only a failover kills a server. A second kill before the
			// replica has everything would lose data that no pair can keep.
			continue
		}
		ds.countDisruption(d)
		switch d.kind {
		case killWorker:
			ds.workers[d.worker].signal(syscall.SIGKILL)
			if ds.o.ExpireLeases {
				ds.expireLeases(ctx)
			}
		case stopWorker:
			ds.workers[d.worker].signal(syscall.SIGTERM)
		case expireLeases:
			ds.expireLeases(ctx)
		case pauseWorker:
			pauses.Go(func() { ds.pauseWorker(ctx, d) })
		case killRedis, restartRedis:
			if err := ds.restartRedis(ctx, d); err != nil {
				return err
			}
		}
	}
	return nil
}

func (ds *disruptor) countDisruption(d disruption) {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	ds.counts[d.kind]++
	ds.moments = append(ds.moments, time.Now())
	ds.report(fmt.Sprintf("%s worker-%d %v", d.kind, d.worker+1, d.lasts))
}

// pauseWorker stops a worker, as swapping or the move of a virtual machine does. Other workers may
// be killed meanwhile, and this one too: SIGKILL ends a stopped process.
func (ds *disruptor) pauseWorker(ctx context.Context, d disruption) {
	w := ds.workers[d.worker]
	if !w.signal(syscall.SIGSTOP) {
		return
	}
	if ds.o.ExpireLeases {
		ds.expireLeases(ctx)
	}
	_ = pause(ctx, d.lasts)
	w.signal(syscall.SIGCONT)
}

func (ds *disruptor) restartRedis(ctx context.Context, d disruption) error {
	if d.kind == killRedis {
		if err := ds.bed.Redis.Kill(); err != nil {
			return err
		}
		if err := pause(ctx, d.lasts); err != nil {
			return err
		}
	}
	bounded, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := ds.bed.Redis.Restart(bounded); err != nil {
		return fmt.Errorf("restart redis: %w", err)
	}
	return nil
}

// expireLeases takes away the lease of every running task. asynq gives such a task to the next
// worker that starts, or to any worker within a minute. The task of a live worker then runs a
// second time while its first run still goes on.
func (ds *disruptor) expireLeases(ctx context.Context) {
	c := ds.controller.Asynq
	for q := range queue.Queues() {
		key := "asynq:{" + q + "}:lease"
		held, err := c.ZRange(ctx, key, 0, -1).Result()
		if err != nil {
			return // Redis is away: there is nothing to take
		}
		for _, id := range held {
			past := float64(time.Now().Add(-2 * time.Minute).Unix())
			// XX: a task that has just ended has lost its lease, and must not get a new one.
			_ = c.ZAddXX(ctx, key, redis.Z{Score: past, Member: id}).Err()
		}
	}
	// The worker that serves the receiver of results may be dead. If it is not, two workers serve
	// the receiver for a moment.
	_ = ds.controller.Redis.Del(ctx, prefix+"sinklease:"+receiverName).Err()
}
