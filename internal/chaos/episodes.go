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
	waiting  []string // packages overdue at the end; set only when the fault one-session is ordered alone
}

// extraWorker is a worker in addition to those of [Options].Workers, with the key file that it
// lacks.
type extraWorker struct {
	*supervisor
	missingKey string // path
}

// runEpisodes begins each episode at its moment and returns when the last one is over.
func (ds *disruptor) runEpisodes(ctx context.Context, episodes []episode) error {
	var all sync.WaitGroup
	defer all.Wait()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	for _, e := range episodes {
		if err := ds.until(ctx, e.at); err != nil {
			return err
		}
		ds.report(e)
		all.Go(func() {
			past := pastEpisode{episode: e, from: time.Now()}
			err := ds.runEpisode(ctx, e)
			if err == nil && e.kind == OneSession && ds.o.alone() {
				past.waiting, err = ds.overduePackages(ctx, time.Now())
			}
			if err != nil {
				cancel(fmt.Errorf("%s: %w", e.kind, err))
			}
			past.to = time.Now()
			ds.mu.Lock()
			defer ds.mu.Unlock()
			ds.episodes = append(ds.episodes, past)
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

// runEpisode makes one part fail and returns when it works again.
func (ds *disruptor) runEpisode(ctx context.Context, e episode) error {
	switch e.kind {
	case ArchiveHangs:
		ds.bucket.hang(ctx, e.lasts)
	case KeylessWorker:
		return ds.runKeylessWorker(ctx, e)
	case NewerEntry:
		if err := ds.plantNewer(ctx); err != nil {
			return err
		}
		// The entries stay to the end of the run. During the episode no invoice may wait because of
		// them.
		_ = pause(ctx, e.lasts)
	case Failover:
		ds.markFailover()
		defer ds.markFailover()
		return ds.pair.failover(ctx, e.lag)
	default:
		if err := ds.bed.Simulator.Inject(*e.fault); err != nil {
			return err
		}
		_ = pause(ctx, e.lasts)
	}
	return nil
}

// runKeylessWorker runs one more worker for a while, like a replica whose secret was not mounted.
func (ds *disruptor) runKeylessWorker(ctx context.Context, e episode) error {
	ds.mu.Lock()
	n := len(ds.extraWorkers) + 1
	name := fmt.Sprintf("keyless-%d", n)
	missing := filepath.Join(ds.o.Dir, fmt.Sprintf("absent-key-%d", n))
	path := filepath.Join(ds.o.Dir, name+".yaml")
	w := newSupervisor(name, ds.logPath(name), ds.o.Worker, "--config", path)
	ds.extraWorkers = append(ds.extraWorkers, extraWorker{w, missing})
	ds.mu.Unlock()
	if err := ds.writeConfig(path, map[string]string{e.nip: missing}); err != nil {
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
// as the workers. When Redis is a pair, plantNewer lets no failover begin meanwhile, because a
// failover could lose the entries.
func (ds *disruptor) plantNewer(ctx context.Context) error {
	if ds.pair != nil {
		ds.pair.mu.Lock()
		defer ds.pair.mu.Unlock()
	}
	for {
		p, err := plant(ctx, ds.controller.Redis, time.Now())
		if err == nil {
			ds.mu.Lock()
			defer ds.mu.Unlock()
			ds.newer = p
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
func (ds *disruptor) markFailover() {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	ds.moments = append(ds.moments, time.Now())
	ds.failovers = append(ds.failovers, time.Now())
}

// overduePackages lists the packages that KSeF has and whose entries have not changed for longer
// than maxWait. Nothing else shows that a session is not polled, because KSeF still accepts its
// invoices.
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

// countPartial counts how often each ordered fault struck, as the simulator or the bucket recorded
// it. Without such a record, it counts the fault's episodes. countPartial removes these faults from
// the simulator's counts.
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
