package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hibiken/asynq"
	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/trace"

	"ksefworker/internal/connect"
	"ksefworker/internal/ledger"
	"ksefworker/internal/plural"
	"ksefworker/internal/queue"
	"ksefworker/internal/results/sinks"
	"ksefworker/internal/tracing"
)

// deliveries tells the receivers of the configuration what became of invoices. Each receiver has a
// task of its own in the queue of results. The queue runs as many tasks at once as there are
// receivers, so a receiver that answers slowly does not delay another. The queue has a server of
// its own, which runs while there are receivers. Safe for concurrent use.
type deliveries struct {
	pool    *connect.Pool
	now     func() time.Time // this machine's clock, corrected to Redis's
	runners []*sinks.Runner
	server  *asynq.Server
	log     zerolog.Logger
	spells  *spells // receivers that cannot be served
	closers closers
	stop    chan struct{} // closed when no new batch may begin
}

const (
	// deliverEvery is how often the worker checks whether a receiver has something to be told.
	deliverEvery = time.Second
	// One check in busyEvery also finds tasks whose worker was killed.
	busyEvery = 15
	// trimEvery is how often outcomes that are too old are removed from the outbox, and results
	// that are too old from the stream.
	trimEvery = 5 * time.Minute
	// rejoinEvery is how often outcomes that were set aside are appended to the outbox, if it is
	// well, and how often the names of the receivers are recorded.
	rejoinEvery = 5 * time.Second
)

func newDeliveries(pool *connect.Pool, now func() time.Time, queueLog asynq.Logger, log zerolog.Logger) (*deliveries, error) {
	d := &deliveries{pool: pool, now: now, log: log, spells: newSpells(pool.Now), stop: make(chan struct{})}
	if err := d.open(); err != nil {
		return nil, err
	}
	if len(d.runners) == 0 {
		return d, nil
	}
	d.server = asynq.NewServerFromRedisClient(queue.Guarded(pool.Asynq), asynq.Config{
		Concurrency: len(d.runners), Queues: map[string]int{queue.QueueResults: 1},
		RetryDelayFunc:           func(int, error, *asynq.Task) time.Duration { return 5 * time.Second },
		ShutdownTimeout:          pool.Config.Worker.ShutdownTimeout,
		DelayedTaskCheckInterval: time.Second, TaskCheckInterval: 200 * time.Millisecond,
		Logger: queueLog, LogLevel: asynq.WarnLevel,
	})
	return d, nil
}

// deliver serves one receiver. A receiver that this process does not know belongs to another
// configuration, and is left to a worker that has it.
func (d *deliveries) deliver(ctx context.Context, name string) error {
	i := slices.IndexFunc(d.runners, func(r *sinks.Runner) bool { return r.Name == name })
	if i < 0 {
		return nil // a worker that knows the receiver queues the task again
	}
	ctx, span := d.pool.Trail.Trace.Start(ctx, "", string(queue.KindDeliver),
		trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(tracing.ReceiverKey.String(name)))
	defer span.End()
	err := d.runners[i].Run(ctx, d.stop)
	if ctx.Err() == nil && ledger.SickSink(err) == nil { // queueDue logs sick keys
		d.logServed(name, err)
	}
	return err
}

// run queues the tasks of receivers that have something to be told, until stop is closed. Then it
// lets the running tasks end their batch. Without receivers it only keeps the outbox.
func (d *deliveries) run(ctx context.Context, stop <-chan struct{}) {
	var rejoins sync.WaitGroup
	rejoins.Go(func() {
		every(ctx, rejoinEvery, stop, func(ctx context.Context) {
			d.rejoin(ctx)
			// A person may have deleted the set of receivers. An error is left to the next call.
			_ = d.pool.Ledger.AddSinks(ctx, d.pool.Config.Results.Sinks()...)
		})
	})
	defer rejoins.Wait()
	if d.server == nil {
		d.keepTrimming(ctx, stop)
		return
	}
	if err := d.server.Start(d.pool.Queue.Handle(d.deliver)); err != nil {
		d.log.Error().Err(err).Msg("nobody is told of results by this worker: its queue cannot be started")
		return
	}
	var trims sync.WaitGroup
	trims.Go(func() { d.keepTrimming(ctx, stop) })
	round := 0
	every(ctx, deliverEvery, stop, func(ctx context.Context) {
		d.queueDue(ctx, round%busyEvery == busyEvery-1)
		round++
	})
	close(d.stop)
	d.server.Stop()
	d.server.Shutdown()
	trims.Wait()
	if err := d.closers.close(ctx); err != nil {
		d.log.Warn().Err(err).Msg("a receiver of results was not closed")
	}
}

func (d *deliveries) keepTrimming(ctx context.Context, stop <-chan struct{}) {
	every(ctx, trimEvery, stop, d.trim)
}

// trim drops old outcomes from the outbox and old results from the streams. It drops nothing while
// this machine's clock and Redis's differ, because either may be wrong. Meanwhile another worker of
// the pool may drop what is too old. This worker does so once its clock is set. trim ignores
// errors, because other parts log that Redis does not answer, and that the clocks differ.
func (d *deliveries) trim(ctx context.Context) {
	if _, agreed, err := d.clock().Read(ctx); err != nil || !agreed {
		return
	}
	_ = d.pool.Ledger.TrimOutbox(ctx, d.pool.Config.Results.Keep)
	for _, r := range d.runners {
		if t, ok := r.Sink.(sinks.Trimmer); ok {
			_ = t.Trim(ctx)
		}
	}
}

// rejoin appends to the outbox what became final while the outbox was sick. If Redis does not
// answer, other parts log that.
func (d *deliveries) rejoin(ctx context.Context) {
	if n, _ := d.pool.Ledger.Rejoin(ctx); n > 0 {
		d.log.Info().Int("outcomes", n).Msg("the outbox is well again: outcomes that were set aside meanwhile are told now")
	}
}

// queueDue queues a task for each receiver that has something to be told now. With lost, it also
// replaces tasks that were lost with their worker.
func (d *deliveries) queueDue(ctx context.Context, lost bool) {
	span, err := d.pool.Ledger.Outbox(ctx)
	if err != nil {
		return // others log that Redis does not answer
	}
	when := queue.When{}
	if lost {
		if when.Busy, err = d.pool.Queue.Busy(); err != nil {
			return
		}
	}
	for _, r := range d.runners {
		work, err := r.HasWork(ctx, span)
		if sick := ledger.SickSink(err); err == nil || sick != nil {
			d.logSick(r.Name, sick)
		}
		if err != nil || !work { // if Redis does not answer, others log that
			continue
		}
		if err := d.pool.Queue.Put(ctx, queue.KindDeliver, r.Name, 0, when); err != nil {
			d.log.Warn().Err(err).Str("receiver", r.Name).Msg("the receiver's task cannot be queued; it is tried again in a second")
		}
	}
}

// behind says how many results a receiver has not taken, and why. outage is when it began to take
// nothing, and stopped is when it asked for no more results; either is zero when that has not
// happened.
type behind struct {
	name                        string
	waiting, held, failed, lost int64
	outage, stopped             time.Time
	tenants                     []string // tenants whose results it does not take
	untold                      []string // the reasons why it is told nothing of certain other tenants
	err                         string
	// sick are the keys of the receiver that hold a value of the wrong type, or the outbox if it
	// does. Then nothing else is known of the receiver.
	sick []ledger.Unreadable
}

// standing reads the state of every receiver. For a receiver with sick keys it sets only name and
// sick. While the outbox is sick, it does so for all receivers, because all are told nothing.
func (d *deliveries) standing(ctx context.Context) ([]behind, error) {
	l := d.pool.Ledger
	span, errOutbox := l.Outbox(ctx)
	if errOutbox != nil && ledger.SickSink(errOutbox) == nil {
		return nil, errOutbox
	}
	var out []behind
	for _, r := range d.runners {
		b, err := behind{}, errOutbox
		if err == nil {
			b, err = standingOf(ctx, l, r.Name, span)
		}
		if sick := ledger.SickSink(err); sick != nil {
			b, err = behind{name: r.Name, sick: sick}, nil
		}
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, nil
}

func standingOf(ctx context.Context, l *ledger.Ledger, name string, span ledger.OutboxSpan) (behind, error) {
	if err := l.CheckSink(ctx, name); err != nil {
		return behind{}, err
	}
	s, err := l.Sink(ctx, name)
	if err != nil {
		return behind{}, err
	}
	held, failed, err := l.SinkCounts(ctx, name)
	if err != nil {
		return behind{}, err
	}
	tenants, err := l.Standings(ctx, name)
	if err != nil {
		return behind{}, err
	}
	b := behind{name: name, waiting: s.Behind(span) + ledger.LeftBehind(tenants), held: held, failed: failed,
		lost: s.Lost + s.Dropped, outage: s.Out().Time(), stopped: s.Stopped.Time(), err: s.Err}
	for _, tenant := range ledger.NotTold(tenants) {
		if why := tenants[tenant].Err; why != "" {
			b.untold = append(b.untold, why)
		} else {
			b.tenants = append(b.tenants, tenant)
		}
	}
	return b, nil
}

// some returns the names of up to three tenants, and how many others there are.
func some(tenants []string) string {
	const maxNames = 3
	if n := len(tenants) - maxNames; n > 0 {
		return strings.Join(tenants[:maxNames], ", ") + " and " + plural.Of(n, "other tenant", "other tenants")
	}
	return strings.Join(tenants, ", ")
}

// untoldBySick says which receivers are told nothing because of sick keys. Receivers with the same
// sick keys share a sentence, as all do while the outbox is sick.
func untoldBySick(all []behind) []string {
	var whys []string
	names := map[string][]string{}
	for _, b := range all {
		if b.sick == nil {
			continue
		}
		why := ledger.WhySick(b.sick)
		if names[why] == nil {
			whys = append(whys, why)
		}
		names[why] = append(names[why], b.name)
	}
	for i, why := range whys {
		is := " is"
		if len(names[why]) > 1 {
			is = " are"
		}
		whys[i] = strings.Join(names[why], ", ") + is + " told nothing: " + why
	}
	return whys
}

// check shows the state of the receivers. It names those that take no results or want none any
// more, those that do not take some results, and outcomes that could not be kept. They never make
// the worker unready, because neither a restart nor another worker would help.
func (d *deliveries) check(ctx context.Context) Check {
	c := Check{Name: "results", OK: true}
	all, err := d.standing(ctx)
	if err != nil {
		c.Detail = notReadable(err)
		return c
	}
	details := untoldBySick(all)
	for _, b := range all {
		what := ""
		switch {
		case b.sick != nil:
		case !b.stopped.IsZero():
			what = fmt.Sprintf("%s wants no results any more since %s: enqueue deliveries resume %s", b.name,
				b.stopped.UTC().Format(time.RFC3339), b.name)
		case !b.outage.IsZero():
			what = fmt.Sprintf("%s takes no results since %s, waiting: %d", b.name, b.outage.UTC().Format(time.RFC3339), b.waiting+b.held)
		case len(b.tenants) > 0:
			what = fmt.Sprintf("%s takes no results of %s: enqueue deliveries", b.name, some(b.tenants))
		case b.failed > 0:
			what = fmt.Sprintf("%s did not take %s in three days: enqueue deliveries list %s", b.name,
				plural.Of(b.failed, "result", "results"), b.name)
		}
		if what != "" {
			details = append(details, what)
		}
		for _, why := range b.untold {
			details = append(details, b.name+" is not told: "+why)
		}
	}
	lost, err := d.pool.Ledger.NotKept(ctx)
	if lost.N > 0 {
		details = append(details, lost.String())
	}
	if sick := ledger.SickSink(err); sick != nil {
		details = append(details, ledger.WhySick(sick))
	}
	c.Detail = strings.Join(details, "; ")
	return c
}
