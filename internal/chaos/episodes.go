//go:build unix

package chaos

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"ksefworker/internal/ledger"
)

// pastEpisode is an episode as it happened.
type pastEpisode struct {
	episode
	from, to time.Time
	waiting  []string // packages that had not moved for too long at the end (one-session, alone)
}

// extraWorker is a worker that does not belong to the pool, with the key file that it lacks.
type extraWorker struct {
	*supervisor
	missingKey string // path
}

// runEpisodes begins each episode at its moment and returns when the last one is over.
func (r *run) runEpisodes(ctx context.Context, episodes []episode) error {
	var all sync.WaitGroup
	defer all.Wait()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	for _, e := range episodes {
		if err := r.until(ctx, e.at); err != nil {
			return err
		}
		r.report(e)
		all.Go(func() {
			past := pastEpisode{episode: e, from: time.Now()}
			err := r.runEpisode(ctx, e)
			if err == nil && e.kind == OneSession && r.o.alone() {
				past.waiting, err = r.overduePackages(ctx, time.Now())
			}
			if err != nil {
				cancel(fmt.Errorf("%s: %w", e.kind, err))
			}
			past.to = time.Now()
			r.mu.Lock()
			defer r.mu.Unlock()
			r.episodes = append(r.episodes, past)
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

// runEpisode makes one part fail and returns when it works again.
func (r *run) runEpisode(ctx context.Context, e episode) error {
	switch e.kind {
	case ArchiveHangs:
		r.bucket.hang(ctx, e.lasts)
	case KeylessWorker:
		return r.runKeylessWorker(ctx, e)
	case NewerEntry:
		if err := r.plantNewer(ctx); err != nil {
			return err
		}
		// The entries stay to the end of the run. The episode is the time in which nobody may wait.
		_ = pause(ctx, e.lasts)
	case Failover:
		r.markFailover()
		defer r.markFailover()
		return r.pair.failover(ctx, e.lag)
	default:
		if err := r.bed.Simulator.Inject(*e.fault); err != nil {
			return err
		}
		_ = pause(ctx, e.lasts)
	}
	return nil
}

// runKeylessWorker runs one more worker for a while, like a replica whose secret was not mounted.
func (r *run) runKeylessWorker(ctx context.Context, e episode) error {
	r.mu.Lock()
	n := len(r.extraWorkers) + 1
	name := fmt.Sprintf("keyless-%d", n)
	missing := filepath.Join(r.o.Dir, fmt.Sprintf("absent-key-%d", n))
	path := filepath.Join(r.o.Dir, name+".yaml")
	w := newSupervisor(name, r.logPath(name), r.o.Worker, "--config", path)
	r.extraWorkers = append(r.extraWorkers, extraWorker{w, missing})
	r.mu.Unlock()
	if err := r.writeConfig(path, map[string]string{e.nip: missing}); err != nil {
		return err
	}
	if err := w.start(); err != nil {
		return err
	}
	_ = pause(ctx, e.lasts)
	w.stop(15 * time.Second)
	return nil
}

// plantNewer writes the newer entries with the controller's own client, which uses the same Redis
// as the workers. In a pair the replica must have them before the next failover: a newer build
// waits for that as well.
func (r *run) plantNewer(ctx context.Context) error {
	if r.pair != nil {
		r.pair.mu.Lock()
		defer r.pair.mu.Unlock()
	}
	for {
		p, err := plant(ctx, r.controller.Redis, time.Now())
		if err == nil {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.newer = p
			return nil
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
}

// planted returns the newer entries, or nil when none were planted.
func (r *run) planted() *planted {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.newer
}

// markFailover records the beginning or the end of a failover, at which a worker may lose what it
// knew.
func (r *run) markFailover() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.moments = append(r.moments, time.Now())
	r.failovers = append(r.failovers, time.Now())
}

// overduePackages lists the packages that KSeF has and that have not moved for longer than maxWait.
// Nothing else shows that a session is not polled: KSeF accepts its invoices all the same.
func (r *run) overduePackages(ctx context.Context, now time.Time) (ids []string, err error) {
	for _, s := range []ledger.PackageState{ledger.PackageClosing, ledger.PackageProcessing, ledger.PackageSettled} {
		some, err := r.controller.Ledger.PackagesInState(ctx, s, time.Time{}, now.Add(-maxWait), 0)
		if err != nil {
			return nil, err
		}
		ids = append(ids, some...)
	}
	return ids, nil
}

// countPartial counts each ordered fault: how often it struck, where the simulator or the bucket
// counts that, otherwise its episodes. It removes them from the simulator's counts.
func (r *run) countPartial(faults map[string]int) map[string]int {
	out := map[string]int{}
	for _, kind := range r.o.Partial {
		if !r.o.has(kind) {
			continue
		}
		out[kind] = faults[label+kind]
		delete(faults, label+kind)
		switch kind {
		case ArchiveHangs:
			out[kind] = r.bucket.heldUp()
		case KeylessWorker, NewerEntry, Failover:
			for _, e := range r.episodes {
				if e.kind == kind {
					out[kind]++
				}
			}
		}
	}
	return out
}
