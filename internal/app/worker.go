package app

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/xid"
	"github.com/rs/zerolog"

	"ksefworker/internal/connect"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/retry"
	"ksefworker/internal/tasks"
)

// Worker is one process of the pool. [NewWorker] makes it, [Worker.Run] lets it work,
// [Worker.Stop] ends it. Run and Stop may be called from different goroutines.
type Worker struct {
	pool      *connect.Pool
	limits    *limits
	clients   *clients
	told      *toldLimits
	expiries  *expiries
	faults    *localFaults
	worker    *tasks.Worker
	server    *asynq.Server
	http      *http.Server
	listener  net.Listener
	encrypted *pageCertificate // nil when the worker does not listen, or listens without encryption
	dashboard *Dashboard
	shown     shownLedger
	overview  overviews
	sickKeys  *cached[[]ledger.Unreadable]
	log       zerolog.Logger
	spool     string
	redis     *redisWatch
	queues    *queueWatch
	unserved  *unservedWatch
	results   *deliveries
	stopping  atomic.Bool
	life      life
	pages     closers // what NewWorker itself has opened
}

// NewWorker builds a worker on the connections of a pool. It checks that Redis keeps its data
// ([connect.VolatileError]) and listens on http.addr, but starts nothing. On success the worker
// owns the pool, and [Worker.Run] or [Worker.Stop] closes it. On an error the caller still owns the
// pool, and nothing else is left open.
func NewWorker(ctx context.Context, pool *connect.Pool, log zerolog.Logger) (*Worker, error) {
	w := &Worker{pool: pool, life: newLife()}
	if err := w.build(ctx, log); err != nil {
		return nil, errors.Join(err, w.pages.close(ctx))
	}
	return w, nil
}

func (w *Worker) build(ctx context.Context, log zerolog.Logger) error {
	pool := w.pool
	cfg := pool.Config
	unknown, err := connect.CheckDurable(ctx, pool.Redis)
	var volatile *connect.VolatileError
	switch {
	case errors.As(err, &volatile) && cfg.Redis.AllowVolatile:
		log.Warn().Msg(volatile.Error())
	case err != nil:
		return err
	case unknown:
		log.Warn().Msg("redis does not show all its settings: make sure that maxmemory-policy is noeviction, " +
			"appendonly is on, and appendfsync is everysec or always")
	}
	if err := pool.Ledger.LoadScripts(ctx); err != nil {
		return err
	}
	claimed := errors.Join(pool.Claim(ctx), pool.CheckTaxpayers(ctx), pool.CheckRights(ctx))
	away, refused := pool.ClaimArchive(ctx)
	if err := errors.Join(claimed, refused); err != nil {
		return err
	}
	if away != nil {
		log.Warn().Err(away).Msg("the archive cannot be used: receipts wait until it can, and everything else goes on")
	}
	if err := pool.DeclareStorage(ctx); err != nil {
		return err
	}
	if err := pool.Queue.Open(ctx); err != nil {
		return err
	}
	thin := newRepeats(pool.Now)
	queueLog := asynqLog{log.Hook(queueRepeats{thin})}
	log = log.Hook(thin)
	pool.LogArchive(log)
	pool.Trail.Log = log
	w.log, w.redis, w.unserved = log, newRedisWatch(pool, log), newUnservedWatch(pool, log)
	w.queues = newQueueWatch(queue.NewRepairer(pool.Queue), pool.Now, log)
	events, out := newEvents(), newOutcomeMetrics()
	id := cfg.Worker.ID
	if id == "" {
		host, _ := os.Hostname()
		id = host
	}
	id += "-" + xid.New().String() // a new id at each start, because a restarted worker does not own its old sessions
	w.faults = newLocalFaults(cfg, pool.Now, log)
	if w.limits, err = newLimits(pool, id, w.faults, log, events); err != nil {
		return err
	}
	if w.clients, err = newClients(pool, w.limits, log, events.request); err != nil {
		return err
	}
	w.told = newToldLimits(cfg, w.clients.accounts, w.limits.limiter, pool.Now, log)
	w.limits.told = w.told
	w.expiries = newExpiries(w.faults.credentials, pool.Now, log)
	w.spool = cfg.Packages.Spool()
	w.worker = tasks.NewWorker(tasks.Parts{
		Ledger: pool.Ledger, Queue: pool.Queue, Bodies: pool.Bodies, Store: pool.Store, Budget: budget{w.limits},
		PartStore: w.limits.parts, Fault: w.refuse,
		Transport: func(tenant string) (tasks.Transport, bool) { c, ok := w.clients.transports[tenant]; return c, ok },
	}, taskOptions(pool, id, w.spool, log, events, out, w.told))
	reader, err := pool.Waiting()
	if err != nil {
		return err
	}
	w.shown = newShownLedger(pool.Ledger, pool.Now)
	reader.Ledger = w.shown
	w.sickKeys = newCached(sickKeysAge, pool.Now, pool.Ledger.SeeSharedSickKeys)
	w.overview = newOverviews(pool.Now, reader.Overview)
	if err := w.worker.MeasureClock(ctx); err != nil {
		log.Warn().Err(err).Msg("cannot compare this machine's clock with redis's")
	}
	w.server = asynq.NewServerFromRedisClient(queue.Guarded(pool.Asynq), asynq.Config{
		Concurrency: cfg.Worker.Concurrency, Queues: queue.Queues(),
		RetryDelayFunc: retry.Delay, IsFailure: retry.IsFailure,
		ShutdownTimeout:          cfg.Worker.ShutdownTimeout,
		DelayedTaskCheckInterval: 250 * time.Millisecond, TaskCheckInterval: 100 * time.Millisecond,
		Logger: queueLog, LogLevel: asynq.WarnLevel,
	})
	if w.results, err = newDeliveries(pool, w.worker.Now, queueLog, log); err != nil {
		return err
	}
	return w.listen(newMetrics(w.sources(events, out)...))
}

// refuse returns nil when this process may try a task of the tenant, and otherwise the error that
// leaves the task to another worker.
func (w *Worker) refuse(tenant string, groups ...string) error {
	if err := w.redis.refuse(tenant); err != nil {
		return w.faults.handOver(tenant, err)
	}
	return w.limits.refuse(tenant, groups...)
}

// sources returns what /metrics reads at each scrape. These are the counters and the state of this
// process, and what the pool shares.
func (w *Worker) sources(e *events, out *outcomeMetrics) []prometheus.Collector {
	p := w.pool
	return []prometheus.Collector{
		e, out, workersCollector{p.Asynq}, w.faults, w.unserved, w.overview, archiveCollector{p.Store},
		&healthCollector{p.Ledger, w.sickKeys, w.worker},
		newQueueCollector(queue.NewSizes(p.Queue)), &ledgerCollector{p.Ledger}, &openCollector{p.Ledger},
		&memoryCollector{p.Ledger}, &dueCollector{p.Ledger, p.Config.Deadlines.Warn},
		newLimitCollector(w.limits, w.overview.byTenant, p.Config), &circuitCollector{w.limits}, w.told, w.expiries, w.results,
		traceCollector{p.Trail.Trace}, newTenantCollector(w.poolReader().Standings, p.Now, w.limits.hosts.has),
	}
}
