//go:build unix

package chaos

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"time"
)

// sickness is one spell as it was: from when to when.
type sickness struct {
	spell
	from, to time.Time
	waiting  []string // packages of other sessions that a sick one held up until its end
}

// sicken lets every spell fall at its moment, and returns when the last is over.
func (r *run) sicken(ctx context.Context, spells []spell) error {
	var all sync.WaitGroup
	defer all.Wait()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	for _, s := range spells {
		if err := r.until(ctx, s.at); err != nil {
			return err
		}
		fmt.Fprintf(r.o.Out, "%7.2fs %s\n", time.Since(r.began).Seconds(), s)
		all.Go(func() {
			was := sickness{spell: s, from: time.Now()}
			err := r.fall(ctx, s)
			if err == nil && s.kind == OneSession && r.o.lone() {
				was.waiting, err = r.overdue(ctx, time.Now())
			}
			if err != nil {
				cancel(fmt.Errorf("%s: %w", s.kind, err))
			}
			was.to = time.Now()
			r.mu.Lock()
			defer r.mu.Unlock()
			r.sick = append(r.sick, was)
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

// fall makes one part sick and returns when it is well again.
func (r *run) fall(ctx context.Context, s spell) error {
	switch s.kind {
	case ArchiveHangs:
		r.bucket.hang(ctx, s.lasts)
	case KeylessWorker:
		return r.keyless(ctx, s)
	case NewerEntry:
		if err := r.plantNewer(ctx); err != nil {
			return err
		}
		r.wait(ctx, s.lasts) // it stays to the end; so long it is watched whether anybody waits
	case Failover:
		r.blowFell(Failover)
		defer r.blowFell(Failover)
		return r.pair.failover(ctx, s.lag)
	default:
		if err := r.sim.Inject(*s.fault); err != nil {
			return err
		}
		r.wait(ctx, s.lasts)
	}
	return nil
}

func (r *run) wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// keyless starts one more worker, as a replica whose secret was not mounted, and ends it again.
func (r *run) keyless(ctx context.Context, s spell) error {
	r.mu.Lock()
	n := len(r.strangers) + 1
	name := fmt.Sprintf("keyless-%d", n)
	absent := filepath.Join(r.o.Dir, fmt.Sprintf("absent-key-%d", n))
	seat := &seat{name: name, program: r.o.Worker, log: filepath.Join(r.o.Dir, name+".log")}
	r.strangers = append(r.strangers, stranger{seat, absent})
	r.mu.Unlock()
	path, err := r.writeConfig(name, map[string]string{s.nip: absent})
	if err != nil {
		return err
	}
	seat.args = []string{"--config", path}
	if err := seat.start(); err != nil {
		return err
	}
	r.wait(ctx, s.lasts)
	seat.leave(15 * time.Second)
	return nil
}

// stranger is a worker that does not belong to the pool, with the key file that it lacks.
type stranger struct {
	*seat
	absent string
}

// plantNewer writes through the worker's own client, so that the entries are where the ledger is. With a replica it
// must have them as well before the next failover: a newer build waits for that, too.
func (r *run) plantNewer(ctx context.Context) error {
	if r.pair != nil {
		r.pair.mu.Lock()
		defer r.pair.mu.Unlock()
	}
	for {
		p, err := plant(ctx, r.base.Redis, time.Now())
		if err == nil {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.newer = p
			return nil
		}
		if r.wait(ctx, 200*time.Millisecond); ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

// planted is nil until something was.
func (r *run) planted() *planted {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.newer
}

// blowFell remembers a moment at which what a worker knew may have been lost.
func (r *run) blowFell(kind string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.moments = append(r.moments, time.Now())
	if kind == Failover {
		r.failovers = append(r.failovers, time.Now())
	}
}

// partial counts what each ordered fault did: how often it struck where the simulator or the bucket counts that, else
// how often it fell.
func (r *run) partial(faults map[string]int) map[string]int {
	out := map[string]int{}
	for _, kind := range r.o.Partial {
		if !r.o.has(kind) {
			continue
		}
		out[kind] = faults[label+kind]
		delete(faults, label+kind)
		switch kind {
		case ArchiveHangs:
			out[kind] = r.bucket.struck()
		case KeylessWorker, NewerEntry, Failover:
			for _, s := range r.sick {
				if s.kind == kind {
					out[kind]++
				}
			}
		}
	}
	return out
}

func (s spell) String() string {
	text := s.kind
	switch {
	case s.fault != nil && s.fault.On != "":
		text += fmt.Sprintf(" %s of %s for %v", s.fault.Kind, s.fault.On, s.lasts.Round(time.Millisecond))
	case s.fault != nil:
		text += fmt.Sprintf(" %s of %s for %v", s.fault.Kind, s.nip, s.lasts.Round(time.Millisecond))
	case s.kind == Failover:
		text += fmt.Sprintf(" after a lag of %v", s.lag.Round(time.Millisecond))
	case s.kind == KeylessWorker || s.kind == ArchiveHangs:
		text += fmt.Sprintf(" %s for %v", s.nip, s.lasts.Round(time.Millisecond))
	}
	return text
}
