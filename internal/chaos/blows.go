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

	"ksefworker/internal/tasks"
)

// blow is one thing that is done to a process at a moment of the run.
type blow struct {
	at   time.Duration
	kind string
	seat int           // the worker that it hits
	wait time.Duration // how long Redis stays away, or the pause lasts
}

const (
	kill      = "kill"
	stop      = "stop"
	pause     = "pause"
	redisKill = "redis-kill"
	redisStop = "redis-stop"
	lapse     = "lapse"
)

// longPause is beyond asynq's lease, which is 30 s and cannot be set.
const longPause = 35 * time.Second

// plan draws what falls when: in random order, spread over the time in which invoices are handed in.
func plan(o Options, dice *rand.Rand) []blow {
	var all []blow
	add := func(n int, kind string, wait time.Duration) {
		for range n {
			all = append(all, blow{kind: kind, seat: dice.IntN(o.Workers), wait: wait})
		}
	}
	add(o.Blows.Kills, kill, 0)
	add(o.Blows.Stops, stop, 0)
	add(o.Blows.Pauses, pause, o.Blows.Pause)
	add(o.Blows.LongPauses, pause, longPause)
	add(o.Blows.RedisKills, redisKill, time.Duration(200+dice.IntN(1800))*time.Millisecond)
	add(o.Blows.RedisStops, redisStop, 0)
	add(o.Blows.Lapses, lapse, 0)
	dice.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for i := range all {
		step := o.Feed / time.Duration(len(all))
		all[i].at = step*time.Duration(i) + time.Duration(dice.Int64N(int64(step)))
	}
	slices.SortFunc(all, func(a, b blow) int { return int(a.at - b.at) })
	return all
}

// storm lets every blow fall at its moment, and returns when the last pause is over and Redis is back.
func (r *run) storm(ctx context.Context, blows []blow) error {
	var pauses sync.WaitGroup
	defer pauses.Wait()
	for _, b := range blows {
		if err := r.until(ctx, b.at); err != nil {
			return err
		}
		if r.pair != nil && (b.kind == redisKill || b.kind == redisStop) {
			continue // the failovers are its deaths; a second one before the replica has everything would lose what no pair can keep
		}
		r.struck(b)
		switch b.kind {
		case kill:
			r.seats[b.seat].signal(syscall.SIGKILL)
			if r.o.Lapse {
				r.lapse(ctx)
			}
		case stop:
			r.seats[b.seat].signal(syscall.SIGTERM)
		case lapse:
			r.lapse(ctx)
		case pause:
			pauses.Go(func() { r.pause(ctx, b) })
		case redisKill, redisStop:
			if err := r.redisAway(ctx, b); err != nil {
				return err
			}
		}
	}
	return nil
}

// pause stops a worker, as a machine that swaps or a virtual one that is moved does. Another may be killed meanwhile, and this one, too: SIGKILL ends what is stopped.
func (r *run) pause(ctx context.Context, b blow) {
	s := r.seats[b.seat]
	if !s.signal(syscall.SIGSTOP) {
		return
	}
	if r.o.Lapse {
		r.lapse(ctx)
	}
	select {
	case <-time.After(b.wait):
	case <-ctx.Done():
	}
	s.signal(syscall.SIGCONT)
}

func (r *run) redisAway(ctx context.Context, b blow) error {
	if b.kind == redisKill {
		if err := r.redis.Kill(); err != nil {
			return err
		}
		select {
		case <-time.After(b.wait):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	wide, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := r.redis.Restart(wide); err != nil {
		return fmt.Errorf("bring redis back: %w", err)
	}
	return nil
}

// lapse takes the lease away from every task that runs. asynq gives such a task to the next worker that starts, or to any within a minute: a killed worker's at once,
// a live worker's a second time, while the first still runs.
func (r *run) lapse(ctx context.Context) {
	c := r.base.Asynq
	for q := range tasks.Queues() {
		key := "asynq:{" + q + "}:lease"
		held, err := c.ZRange(ctx, key, 0, -1).Result()
		if err != nil {
			return // Redis is away: nothing to take
		}
		for _, id := range held {
			past := float64(time.Now().Add(-2 * time.Minute).Unix())
			_ = c.ZAddXX(ctx, key, redis.Z{Score: past, Member: id}).Err() // one that has just ended has no lease any more
		}
	}
}
