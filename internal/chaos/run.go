//go:build unix

package chaos

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"ksefworker/config"
	"ksefworker/internal/connect"
	"ksefworker/internal/invoice"
	"ksefworker/internal/redisd"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
)

type run struct {
	o       Options
	export  *export
	redis   *redisd.Server
	sim     *simulator.Simulator
	sky     *sky
	pair    *pair   // nil when Redis is a single node
	bucket  *bucket // nil when the archive is a folder
	seats   []*seat
	base    *connect.Pool // the controller's own: hands in, asks how it stands
	archive string
	url     string // of the simulator
	began   time.Time

	mu      sync.Mutex
	blown   map[string]int
	moments []time.Time // of blows
	// Partial faults: what was, what stands in the ledger, and who does not belong to the pool.
	sick      []sickness
	newer     *planted
	strangers []stranger
	failovers []time.Time // their beginnings and ends
	closers   []func()    // run last first
}

// Run makes one run and judges it. The figures are what is known even when the error says that the books do not balance; the error tells every imbalance.
func Run(ctx context.Context, o Options) (Figures, error) {
	o, err := o.withDefaults()
	if err != nil {
		return Figures{}, err
	}
	dice := newDice(o.Seed)
	r := &run{o: o, export: newExport(o, dice, invoice.Today(time.Now())), blown: map[string]int{}, archive: filepath.Join(o.Dir, "archive")}
	gusts, blows := forecast(o, dice), plan(o, dice)
	spells, bent := omens(o, r.export, rand.New(rand.NewPCG(o.Seed, 1)))
	defer r.end()
	if err := r.start(ctx); err != nil {
		return Figures{}, err
	}
	for _, f := range bent {
		if err := r.sim.Inject(f); err != nil {
			return Figures{}, err
		}
	}
	r.began = time.Now()
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return r.handIn(gctx) })
	g.Go(func() error { return r.blow(gctx, gusts) })
	g.Go(func() error { return r.storm(gctx, blows) })
	g.Go(func() error { return r.sicken(gctx, spells) })
	err = g.Wait()
	if err == nil {
		err = r.settle(ctx)
	}
	took := time.Since(r.began)
	r.stopWorkers() // what they write after the end is judged, too
	f, judged := r.judge(took)
	return f, errors.Join(err, judged)
}

func newDice(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

func (r *run) end() {
	for i := len(r.closers) - 1; i >= 0; i-- {
		r.closers[i]()
	}
}

func (r *run) later(f func()) { r.closers = append(r.closers, f) }

// start brings up Redis, the archive where it is a bucket, the simulator and the workers.
func (r *run) start(ctx context.Context) error {
	var err error
	r.redis, err = redisd.Start(ctx, durable(filepath.Join(r.o.Dir, "redis")))
	if err != nil {
		return err
	}
	r.later(func() { _ = r.redis.Stop() })
	if r.o.has(Failover) {
		if r.pair, err = startPair(ctx, r.o.Dir, r.redis); err != nil {
			return err
		}
		r.later(r.pair.stop)
	}
	if r.o.has(ArchiveHangs) {
		if r.bucket, err = openBucket(); err != nil {
			return err
		}
		r.later(r.bucket.end)
	}
	if r.url, err = r.startSimulator(); err != nil {
		return err
	}
	path, err := r.writeConfig("worker", nil)
	if err != nil {
		return err
	}
	cfg, err := config.Load(path, nil)
	if err != nil {
		return err
	}
	if r.base, err = connect.Open(ctx, cfg); err != nil {
		return err
	}
	r.later(func() { _ = r.base.Close() })
	r.later(r.stopWorkers)
	for i := range r.o.Workers {
		name := fmt.Sprintf("worker-%d", i+1)
		s := &seat{name: name, program: r.o.Worker, args: []string{"--config", path}, log: filepath.Join(r.o.Dir, name+".log")}
		r.seats = append(r.seats, s)
		if err := s.start(); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) stopWorkers() {
	var all sync.WaitGroup
	for _, s := range r.everySeat() {
		all.Go(func() { s.leave(15 * time.Second) })
	}
	all.Wait()
}

// everySeat is the pool's, and those of workers that do not belong to it.
func (r *run) everySeat() []*seat {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := slices.Clone(r.seats)
	for _, s := range r.strangers {
		all = append(all, s.seat)
	}
	return all
}

func (r *run) startSimulator() (string, error) {
	log, err := os.Create(filepath.Join(r.o.Dir, "simulator.log"))
	if err != nil {
		return "", err
	}
	r.later(func() { _ = log.Close() })
	r.sky = &sky{out: log}
	r.sim, err = simulator.New(simulator.Options{Profile: simulator.Production, Scale: scale, Delay: 300 * time.Millisecond, Seed: int64(r.o.Seed) + 1,
		Dir: filepath.Join(r.o.Dir, "simulator"), Log: zerolog.New(r.sky).Level(zerolog.InfoLevel).With().Timestamp().Logger()})
	if err != nil {
		return "", err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", errors.Join(err, r.sim.Close())
	}
	srv := &http.Server{Handler: r.sim.Handler(), ReadHeaderTimeout: 10 * time.Second}
	served := make(chan struct{})
	go func() { defer close(served); _ = srv.Serve(listener) }() // ends with Close
	r.later(func() { _ = srv.Close(); <-served; _ = r.sim.Close() })
	return "http://" + listener.Addr().String(), nil
}

// writeConfig is the workers' configuration: everything quick, so that a run shows in two minutes what takes a night, and slots few,
// so that who holds one for ever is felt. The margin is wide, because it has to absorb what a
// loaded test machine does to a request between the limiter and the simulator, whose "second" is 17 ms long. Tenants in
// keys have a key file of their own.
func (r *run) writeConfig(name string, keys map[string]string) (string, error) {
	key := filepath.Join(r.o.Dir, "key")
	store, broken := fmt.Sprintf("{url: %q}", r.redis.URL()), error(nil)
	if r.pair != nil {
		store = r.pair.settings()
	}
	archive := fmt.Sprintf("{url: %q}", "file://"+r.archive)
	if r.bucket != nil {
		archive, broken = r.bucket.settings(r.o.Dir)
	}
	text := fmt.Sprintf(`environment: custom
gateway: {url: %q, timeout: 4s}
redis: %s
packages: {max_wait: 2s, quiet: 300ms, max_invoices: 5000, express_below: 5, spool_dir: %q}
express: {idle: 1500ms}
confirm: {first: 200ms, max: 2s}
limits: {scale: %d, margin: 1s}
sweep: {every: 1s, after: 3s}
archive: %s
http: {addr: "127.0.0.1:0"}
worker: {concurrency: 8, shutdown_timeout: 3s, dead_after: 3s}
log: {level: debug}
tenants:
`, r.url, store, filepath.Join(r.o.Dir, "spool"), scale, archive)
	for i := range r.o.Tenants {
		nip := sample.NIP(i)
		text += fmt.Sprintf("  - {nip: \"%s\", key_id: test_%s, key_file: %q}\n", nip, nip, cmp.Or(keys[nip], key))
	}
	path := filepath.Join(r.o.Dir, name+".yaml")
	return path, errors.Join(broken, writeOnce(key, "test_key\n"), os.WriteFile(path, []byte(text), 0o600))
}

// writeOnce leaves a file that is there alone: a worker may be reading it.
func writeOnce(path, text string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// until waits for a moment of the run.
func (r *run) until(ctx context.Context, at time.Duration) error {
	select {
	case <-time.After(time.Until(r.began.Add(at))):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (r *run) struck(b blow) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.blown[b.kind]++
	r.moments = append(r.moments, time.Now())
	fmt.Fprintf(r.o.Out, "%7.2fs %s worker-%d %v\n", time.Since(r.began).Seconds(), b.kind, b.seat+1, b.wait)
}
