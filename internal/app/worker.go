package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hibiken/asynq"
	"github.com/rs/xid"
	"github.com/rs/zerolog"

	"ksefworker/config"
	"ksefworker/internal/connect"
	"ksefworker/internal/pack"
	"ksefworker/internal/retry"
	"ksefworker/internal/tasks"
)

// Worker is one process of the pool. Make it with [NewWorker], let it work with [Worker.Run].
type Worker struct {
	base      *connect.Pool
	limits    *limits
	faults    *localFaults
	worker    *tasks.Worker
	server    *asynq.Server
	http      *http.Server
	listener  net.Listener
	dashboard *Dashboard
	overview  *overviews
	log       zerolog.Logger
	spool     string
	redis     *redisWatch
	unserved  *unservedWatch
	stopping  atomic.Bool
}

// NewWorker wires a process. It checks that Redis keeps what it is told ([VolatileError]), and listens on http.addr, but starts nothing. On success the caller
// must call Run, which closes everything, base included.
func NewWorker(ctx context.Context, b *connect.Pool, log zerolog.Logger) (*Worker, error) {
	cfg := b.Config
	unknown, err := connect.CheckDurable(ctx, b.Redis)
	var volatile *connect.VolatileError
	switch {
	case errors.As(err, &volatile) && cfg.Redis.AllowVolatile:
		log.Warn().Msg(volatile.Error())
	case err != nil:
		return nil, err
	case unknown:
		log.Warn().Msg("redis does not tell its settings: make sure that maxmemory-policy is noeviction and appendonly is on")
	}
	if err := b.Ledger.LoadScripts(ctx); err != nil {
		return nil, err
	}
	if err := b.Claim(ctx); err != nil {
		return nil, err
	}
	if err := b.DeclareStorage(ctx); err != nil {
		return nil, err
	}
	if err := b.Queue.Open(ctx); err != nil {
		return nil, err
	}
	thinned := newRepeats()
	queueLog := asynqLog{log.Hook(queueRepeats{thinned})}
	log = log.Hook(thinned)
	b.LogArchive(log)
	w := &Worker{base: b, log: log, redis: newRedisWatch(b, log), unserved: newUnservedWatch(b, log)}
	metrics := NewMetrics(MetricsOptions{Queues: asynq.NewInspectorFromRedisClient(b.Asynq), Ledger: b.Ledger})
	metrics.Registerer().MustRegister(&memoryCollector{b.Ledger}, &openCollector{b.Ledger}, w.unserved)
	events := newEvents(metrics.Registerer(), b.Ledger, cfg.Deadlines.Warn)
	metrics.Registerer().MustRegister(archiveCollector{b.Store})
	id := cfg.Worker.ID
	if id == "" {
		host, _ := os.Hostname()
		id = host
	}
	id += "-" + xid.New().String() // a restarted worker does not own its predecessor's sessions
	w.faults = newLocalFaults(cfg, b.Now, log)
	if w.limits, err = newLimits(b, id, w.faults, log, events); err != nil {
		return nil, err
	}
	events.watchLimits(metrics.Registerer(), w.limits, cfg)
	metrics.Registerer().MustRegister(w.faults, &circuitCollector{w.limits})
	doors, err := gateways(b, w.limits, log, events.request)
	if err != nil {
		return nil, err
	}
	w.spool = spoolDir(cfg.Packages.SpoolDir)
	w.worker = tasks.NewWorker(tasks.Parts{
		Ledger: b.Ledger, Queue: b.Queue, Bodies: b.Bodies, Store: b.Store, Budget: budget{w.limits},
		PartStore: w.limits.parts, Fault: w.limits.refuse,
		Transport: func(tenant string) (tasks.Transport, bool) { t, ok := doors[tenant]; return t, ok },
	}, taskOptions(b, id, w.spool, log, events))
	metrics.Registerer().MustRegister(&healthCollector{b.Ledger, w.worker})
	reader, err := b.Waiting()
	if err != nil {
		return nil, err
	}
	w.overview = &overviews{read: reader.Overview, turn: make(chan struct{}, 1)}
	metrics.Registerer().MustRegister(w.overview)
	if err := w.worker.MeasureClock(ctx); err != nil {
		log.Warn().Err(err).Msg("cannot compare this machine's clock with redis's")
	}
	w.server = asynq.NewServerFromRedisClient(tasks.Unbounded(b.Asynq), asynq.Config{
		Concurrency: cfg.Worker.Concurrency, Queues: tasks.Queues(), RetryDelayFunc: retry.Delay, IsFailure: retry.IsFailure,
		ShutdownTimeout: cfg.Worker.ShutdownTimeout, DelayedTaskCheckInterval: time.Second, TaskCheckInterval: 200 * time.Millisecond,
		Logger: queueLog, LogLevel: asynq.WarnLevel,
	})
	if err := w.listen(cfg, metrics); err != nil {
		return nil, err
	}
	return w, nil
}

func taskOptions(b *connect.Pool, id, spool string, log zerolog.Logger, e *events) tasks.Options {
	cfg := b.Config
	return tasks.Options{
		Now:    b.Now,
		Worker: id, Environment: string(cfg.Environment), TenantTasks: tenantTasks(cfg),
		SpoolDir: spool, PartSize: int64(cfg.Packages.PartSize), ParallelUploads: cfg.Packages.ParallelUploads, Refusals: cfg.Packages.Refusals,
		MaxWait: cfg.Packages.MaxWait, MaxInvoices: cfg.Packages.MaxInvoices, MaxBytes: int64(cfg.Packages.MaxSize),
		SessionInvoices: func(tenant string) int { t, _ := cfg.Tenant(tenant); return t.SessionInvoices() },
		ExpressBelow:    cfg.Packages.ExpressBelow, Quiet: cfg.Packages.Quiet, DeadlineNear: cfg.Packages.UrgentWithin,
		ExpressIdle: cfg.Express.Idle, ExpressMaxAge: cfg.Express.MaxAge, ExpressMaxInvoices: cfg.Express.MaxInvoices, ExpressShare: cfg.Limits.ExpressShare,
		ConfirmFirst: cfg.Confirm.First, ConfirmMax: cfg.Confirm.Max, SweepEvery: cfg.Sweep.Every, SweepAfter: cfg.Sweep.After, DeadAfter: cfg.Worker.DeadAfter, Retention: cfg.Ledger.Retention, KeepRejected: cfg.Storage.KeepRejected, RefusalsKept: cfg.Ledger.Refusals,
		ArchiveParallel: cfg.Archive.Parallel, ArchiveShare: archiveShare(cfg),
		Log: log.With().Str("worker", id).Logger(), Observe: e.observe,
	}
}

// tenantTasks leaves half of the places to the other tenants, if there are any. Half of sixteen is
// more than KSeF takes from a tenant in a second.
func tenantTasks(cfg config.Config) int {
	if atWork(cfg) < 2 {
		return 0
	}
	return max(1, cfg.Worker.Concurrency/2)
}

// atWork counts the tenants that this pool serves.
func atWork(cfg config.Config) int {
	n := 0
	for _, t := range cfg.Tenants {
		if !t.Paused {
			n++
		}
	}
	return n
}

func spoolDir(dir string) string {
	if dir == "" {
		dir = filepath.Join(os.TempDir(), "ksefworker-spool")
	}
	return dir
}

func (w *Worker) listen(cfg config.Config, metrics *Metrics) error {
	if cfg.HTTP.Addr == "" {
		return nil
	}
	login, err := cfg.HTTP.Dashboard.Login()
	if err != nil {
		return err
	}
	secure, err := cfg.HTTP.TLS.Config()
	if err != nil {
		return err
	}
	o := HTTPOptions{Addr: cfg.HTTP.Addr, Ready: w.ready, Metrics: metrics.Handler(), Login: login, TLS: secure, Log: w.log}
	if cfg.HTTP.Dashboard.Enabled {
		conn, err := cfg.Redis.Conn()
		if err != nil {
			return err
		}
		if w.dashboard, err = NewDashboard(asynqConn{conn, cfg.Redis.AsynqPrefix()}, DashboardOptions{ReadOnly: cfg.HTTP.Dashboard.ReadOnly}); err != nil {
			return err
		}
		o.Dashboard = w.dashboard
	}
	if w.http, err = NewHTTP(o); err != nil {
		return err
	}
	w.listener, err = net.Listen("tcp", cfg.HTTP.Addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		w.listener, err = w.listenElsewhere(cfg.HTTP.Addr)
	}
	if err != nil {
		return fmt.Errorf("listen on http.addr: %w", err)
	}
	return nil
}

// listenElsewhere takes a free port when the configured one is taken, as it is for a second worker of
// one configuration on one host. To refuse to start would keep a worker that can send invoices from
// it; that its pages are elsewhere is said.
func (w *Worker) listenElsewhere(taken string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(taken)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return nil, err
	}
	w.log.Warn().Str("taken", taken).Str("http", l.Addr().String()).
		Msg("http.addr is taken, most likely by another worker on this host: this one's pages are at another port; " +
			"set KSEF_HTTP_ADDR to give each worker an address of its own (--healthcheck and a scraper ask the one that is configured)")
	return l, nil
}

// Addr is where the HTTP endpoints listen; "" when they do not.
func (w *Worker) Addr() string {
	if w.listener == nil {
		return ""
	}
	return w.listener.Addr().String()
}

// spoolAge is how old a package's leftover must be to be removed at start: older than any upload may take.
const spoolAge = 18 * time.Hour

// Run works until ctx ends, then stops within worker.shutdown_timeout: no new task begins, running ones get that long, online sessions are closed. What is not done by
// then goes on in another worker. It returns nil after a stop that was asked for.
func (w *Worker) Run(ctx context.Context) error {
	if err := pack.SweepSpool(w.spool, spoolAge); err != nil {
		w.log.Warn().Err(err).Msg("old spool files not removed")
	}
	failed := make(chan error, 1)
	if w.http != nil {
		go func() {
			serve := w.http.Serve
			if w.http.TLSConfig != nil {
				serve = func(l net.Listener) error { return w.http.ServeTLS(l, "", "") }
			}
			if err := serve(w.listener); err != nil && !errors.Is(err, http.ErrServerClosed) {
				failed <- fmt.Errorf("serve http: %w", err)
			}
		}()
	}
	if err := w.server.Start(w.worker.Mux()); err != nil {
		return errors.Join(fmt.Errorf("start the queue's server: %w", err), w.close())
	}
	// Neither ends with ctx: what they have under way when the stop is asked for is not cut.
	work, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	stopPulse := make(chan struct{})
	var pulsed sync.WaitGroup
	pulsed.Go(func() { w.worker.Pulse(work, stopPulse) })
	pulsed.Go(func() { w.limits.pay(work, stopPulse) })
	pulsed.Go(func() { w.watchMemory(work, stopPulse) })
	pulsed.Go(func() { w.redis.run(work, stopPulse) })
	pulsed.Go(func() { w.unserved.run(work, stopPulse) })
	w.sayReady(work)

	var cause error
	select {
	case <-ctx.Done():
	case cause = <-failed:
	}
	w.stopping.Store(true)
	within := w.base.Config.Worker.ShutdownTimeout
	w.log.Info().Dur("within", within).Msg("worker stops")
	last, cancel := context.WithTimeout(work, within+closeTimeout)
	defer cancel()
	w.worker.Retire()
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		w.server.Stop()
		w.server.Shutdown()
		close(stopPulse)
		pulsed.Wait()
	}()
	select {
	case <-drained:
	case <-last.Done():
		// A Redis that does not answer must not hold the process up: each of the queue's dozen loops sits out its time-outs, one after the other. They are left behind, as in a
		// crash, and nothing below them is closed: the queue's loops do not survive that (a nil message in its subscriber).
		w.log.Warn().Msg("the time is up and the queue has not stopped, most likely because redis does not answer: left as in a crash, the other workers take over")
		return cause
	}
	if err := w.worker.Stop(last); err != nil {
		w.log.Warn().Err(err).Msg("online sessions left to the other workers")
	}
	return errors.Join(cause, w.close())
}

// closeTimeout is what closing the last online sessions, and a Redis that does not answer, may take on top of the running tasks.
const closeTimeout = 5 * time.Second

func (w *Worker) close() error {
	var errs []error
	if w.http != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := w.http.Shutdown(ctx); err != nil {
			errs = append(errs, w.http.Close())
		}
	}
	if w.dashboard != nil {
		errs = append(errs, w.dashboard.Close())
	}
	return errors.Join(append(errs, w.base.Close())...)
}
