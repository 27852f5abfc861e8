//go:build unix

package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"ksefworker/internal/connect"
	"ksefworker/internal/invoice"
	"ksefworker/internal/testbed"
)

type run struct {
	o          Options
	export     *export
	bed        *testbed.Bed
	simLog     *simulatorLog
	pair       *pair   // nil when Redis is a single node
	bucket     *bucket // nil when the archive is a folder
	workers    []*supervisor
	receiver   *receiver // of results
	inbox      *inbox
	controller *connect.Pool // hands invoices in and asks how far the pool is
	began      time.Time
	closers    []func() // run last first

	mu      sync.Mutex
	counts  map[string]int // of disruptions, by kind
	moments []time.Time    // at which a worker may have lost what it knew
	// The partial faults have left these: past episodes, entries in the ledger, and additional
	// workers.
	episodes     []pastEpisode
	newer        *planted
	extraWorkers []extraWorker
	failovers    []time.Time // their beginnings and ends
}

// Run makes one run and audits it. The figures hold what is known, even when there is an error. The
// error names the imbalances of the books, up to a maximum.
func Run(ctx context.Context, o Options) (Figures, error) {
	o, err := o.withDefaults()
	if err != nil {
		return Figures{}, err
	}
	dice := newDice(o.Seed)
	r := &run{o: o, export: newExport(o, dice, invoice.Today(time.Now())), counts: map[string]int{}}
	faults, disruptions := drawFaults(o, dice), drawDisruptions(o, dice)
	episodes, alterations := drawEpisodes(o, r.export, rand.New(rand.NewPCG(o.Seed, 1)))
	clients := rand.New(rand.NewPCG(o.Seed, 2)) // dice of their own, like those of the partial faults
	r.export.chooseRoutes(o, clients)
	ends := drawWatchEnds(o, clients)
	defer r.close()
	if err := r.start(ctx, clients); err != nil {
		return Figures{}, err
	}
	for _, f := range alterations {
		if err := r.bed.Simulator.Inject(f); err != nil {
			return Figures{}, err
		}
	}
	r.began = time.Now()
	r.receiver.begin(r.began)
	breaks := &disruptor{r}
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return r.handIn(gctx) })
	g.Go(func() error { return r.inbox.write(gctx, r.until) })
	g.Go(func() error { return breaks.endWatch(gctx, ends) })
	g.Go(func() error { return breaks.injectFaults(gctx, faults) })
	g.Go(func() error { return breaks.disrupt(gctx, disruptions) })
	g.Go(func() error { return breaks.runEpisodes(gctx, episodes) })
	err = g.Wait()
	if err == nil {
		err = r.awaitEnd(ctx)
	}
	ended := time.Now()
	if err == nil {
		(&auditor{r}).awaitClients(ctx)
	}
	behind := time.Since(ended)
	took := time.Since(r.began)
	r.inbox.watch.stop(15 * time.Second)
	r.stopWorkers() // so that the audit covers what they write at their end
	f, imbalances := (&auditor{r}).audit(took)
	f.Behind = behind
	return f, errors.Join(err, imbalances)
}

func newDice(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

func (r *run) close() {
	for i := len(r.closers) - 1; i >= 0; i-- {
		r.closers[i]()
	}
}

func (r *run) atEnd(f func()) { r.closers = append(r.closers, f) }

func (r *run) stopWorkers() {
	var all sync.WaitGroup
	for _, s := range r.allWorkers() {
		all.Go(func() { s.stop(15 * time.Second) })
	}
	all.Wait()
}

// allWorkers returns the workers of the pool and the extra workers.
func (r *run) allWorkers() []*supervisor {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := slices.Clone(r.workers)
	for _, w := range r.extraWorkers {
		all = append(all, w.supervisor)
	}
	return all
}

// until waits for a moment of the run. Its error is the cause of the context.
func (r *run) until(ctx context.Context, at time.Duration) error {
	return pause(ctx, time.Until(r.began.Add(at)))
}

// pause waits for d, or returns the cause of the context.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (r *run) logPath(name string) string { return filepath.Join(r.o.Dir, name+".log") }

// report prints a line with the time since the beginning.
func (r *run) report(what any) {
	fmt.Fprintf(r.o.Out, "%7.2fs %v\n", time.Since(r.began).Seconds(), what)
}
