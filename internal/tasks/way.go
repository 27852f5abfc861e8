package tasks

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"
	"github.com/rs/zerolog"

	"ksefworker/internal/archive"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/numbers"
	"ksefworker/internal/ledger"
	"ksefworker/internal/ratelimit"
	"ksefworker/internal/retry"
)

// Parts are what a worker is made of; all are required but the last two.
type Parts struct {
	Ledger *ledger.Ledger
	Queue  *Queue
	Bodies *ledger.Bodies
	Store  archive.Store
	Budget Budget
	// Transport returns the way to KSeF of one tenant, by its name; false when none of that name is
	// configured here, or it is paused by configuration.
	Transport func(tenant string) (Transport, bool)
	// PartStore is asked before a session is opened for parts; nil is one that is never out of
	// service.
	PartStore PartStore
	// Fault returns what a task of a tenant comes to in this process when a fault of this process
	// alone keeps it from working for the tenant, in one of the groups if any are named: it is left
	// to another worker. nil when there is none, and a nil func never finds any.
	Fault func(tenant string, groups ...string) error
}

// Options are the worker's knobs; config/worker.example.yaml explains each. Zero values are not usable: the process fills them in.
type Options struct {
	Worker      string // unique in the pool, changes with every start: a restarted worker does not own its predecessor's sessions
	Environment string // for verification links: test, production or custom

	// TenantTasks is how many tasks of one tenant may be asking the gateway at a time; 0 is any
	// number.
	TenantTasks int

	SpoolDir        string
	PartSize        int64
	ParallelUploads int
	Refusals        int // sessions refused as a whole before a package is halved

	MaxWait     time.Duration
	MaxInvoices int
	MaxBytes    int64 // of XML in one package
	// SessionInvoices tells how many invoices KSeF takes of a tenant in one session; nil is its
	// usual 10,000 for all.
	SessionInvoices func(tenant string) int
	ExpressBelow    int
	Quiet           time.Duration
	DeadlineNear    time.Duration

	ExpressIdle        time.Duration
	ExpressMaxAge      time.Duration
	ExpressMaxInvoices int
	ExpressShare       float64 // of single sends, left free for invoices submitted with lane express

	ConfirmFirst time.Duration
	ConfirmMax   time.Duration
	SweepEvery   time.Duration
	SweepAfter   time.Duration // how long something must have stood still before the sweep looks; 0 is a minute, longer than any step between two writes takes
	DeadAfter    time.Duration // how long a worker that says nothing is taken for alive; 0 is 30 s
	Retention    time.Duration // of ended entries; 0 keeps them for ever
	KeepRejected time.Duration // of the documents of invoices that ended without KSeF; 0: as long as their entries
	RefusalsKept time.Duration // how long refused documents stay on record

	ArchiveParallel int // receipt tasks that use the archive at a time; 0 is 3
	ArchiveShare    int // of those, of one tenant; 0 is 2

	Now func() time.Time // this machine's clock, nil is time.Now; it is put right by Redis's
	Log zerolog.Logger
	// Observe is told of every outcome; may be nil.
	Observe func(Event)
}

func (o Options) sessionInvoices(tenant string) int {
	if o.SessionInvoices == nil {
		return numbers.MaxSessionInvoices
	}
	return o.SessionInvoices(tenant)
}

// Event is one thing that happened, for metrics: an invoice reached a state, or a task was judged.
type Event struct {
	Kind   Kind
	State  ledger.State // set when an invoice reached it
	Count  int
	Reason retry.Reason // set when a task was judged
	Action retry.Action
}

// Worker holds the handlers. Safe for concurrent use.
type Worker struct {
	Parts
	o       Options
	express *express
	builds  *bulkhead
	closes  *closes
	clock   *poolClock
	rarely  rarely
	turns   turns
	plan    plan
	storage storage
	holds   *personHolds
	running sync.WaitGroup // handlers

	receipts      *bulkhead // receipt tasks that use the archive
	lookups       *bulkhead // whatever else uses it off the way of packages
	alone         *bulkhead // large documents that are sent alone
	receiptMemory memory
	buildMemory   memory
	shedFrom      atomic.Int64 // until when nothing is removed from the archive (ms), which refused it
	owedFrom      atomic.Int64 // how far the sweep has come through the results that are owed
}

// NewWorker returns the handlers over parts.
func NewWorker(p Parts, o Options) *Worker {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.SweepAfter == 0 {
		o.SweepAfter = time.Minute
	}
	if o.DeadAfter == 0 {
		o.DeadAfter = 30 * time.Second
	}
	if o.Observe == nil {
		o.Observe = func(Event) {}
	}
	clock := &poolClock{machine: o.Now}
	o.Now = clock.now
	if p.PartStore == nil {
		p.PartStore = alwaysThere{}
	}
	if p.Fault == nil {
		p.Fault = func(string, ...string) error { return nil }
	}
	if o.ArchiveParallel == 0 {
		o.ArchiveParallel = 3
	}
	if o.ArchiveShare == 0 {
		o.ArchiveShare = 2
	}
	return &Worker{Parts: p, o: o, express: newExpress(), holds: newPersonHolds(), builds: newBuilds(), closes: newCloses(), clock: clock, turns: turns{most: o.TenantTasks},
		receipts: newBulkhead(o.ArchiveParallel, o.ArchiveShare), lookups: newBulkhead(lookupPlaces, tenantLookups),
		alone:         newBulkhead(alonePlaces, tenantAlone),
		receiptMemory: newMemory(), buildMemory: newMemory()}
}

// Mux routes every kind of task to its handler.
func (w *Worker) Mux() *asynq.ServeMux {
	mux := asynq.NewServeMux()
	for kind, handle := range map[Kind]func(context.Context, string) error{
		KindSubmit:  w.onQueued(w.submit, nil),
		KindSend:    w.onQueued(w.send, w.leaveSends),
		KindCut:     w.cut,
		KindPackage: w.onPackage(w.submitPackage),
		KindConfirm: w.onPackage(w.inTurn(w.confirm)),
		KindReceipt: w.onPackage(w.receipt),
		KindSweep:   w.sweep,
	} {
		mux.Handle(string(kind), w.handler(kind, handle))
	}
	return mux
}

// handler reads the payload, runs the handler and judges what it returned. A lost compare-and-set is not an error: somebody else
// moved the entry, so the ledger is read anew, soon.
func (w *Worker) handler(kind Kind, handle func(context.Context, string) error) asynq.Handler {
	return asynq.HandlerFunc(func(ctx context.Context, t *asynq.Task) error {
		w.running.Add(1)
		defer w.running.Done()
		id, err := decodePayload(t.Payload())
		if err != nil {
			return err
		}
		if idle, err := w.Queue.idle(ctx); err != nil || idle {
			return err
		}
		// Every request of a task stands in line under the task's name: at its return it has its place, and not the last one.
		err = handle(ratelimit.WithObject(ratelimit.With(ctx, ratelimit.Ticket(string(kind)+":"+id)), id), id)
		if err == nil {
			return nil
		}
		var conflict *ledger.ConflictError
		if errors.As(err, &conflict) {
			err = &retry.LaterError{Delay: time.Second, Reason: retry.ReasonOther, What: "somebody else was faster", Err: err}
		}
		about, _ := errors.AsType[*ofTenant](err)
		if about != nil {
			err = about.error
		}
		told := retry.Tell(forArchive(err))
		v := retry.Judge(told)
		w.o.Observe(Event{Kind: kind, Reason: v.Reason, Action: v.Action})
		w.logVerdict(kind, id, about.of(), v, told)
		if kind == KindSweep {
			return nil // the next round is its next try: those that failed would come back each for itself, ever more of them
		}
		return told
	})
}

// onQueued is the beginning of every task about one invoice. Nothing is left to do when it waits with others, is on its way (its session's confirm drives it on), or
// is not in the ledger: Redis was emptied, and whoever has the file hands it in again. over, if any, is called for one that has moved on.
func (w *Worker) onQueued(do func(context.Context, *ledger.Invoice) error, over func(context.Context, *ledger.Invoice)) func(context.Context, string) error {
	return func(ctx context.Context, id string) error {
		inv, err := w.Ledger.Invoice(ctx, id)
		switch {
		case errors.Is(err, ledger.ErrNotFound):
			return nil
		case err != nil:
			return err
		case inv.State != ledger.Queued || inv.Group != "":
			if over != nil {
				over(ctx, &inv)
			}
			return nil
		}
		return aboutTenant(inv.Tenant, w.duringOutage(ctx, inv.Tenant, do(ctx, &inv)))
	}
}

// onPackage is the beginning of every task about a package: what it asks KSeF for is ranked by the package's urgency.
func (w *Worker) onPackage(do func(context.Context, *ledger.Package) error) func(context.Context, string) error {
	return func(ctx context.Context, id string) error {
		p, err := w.Ledger.Package(ctx, id)
		switch {
		case errors.Is(err, ledger.ErrNotFound):
			return nil
		case err != nil:
			return err
		}
		err = w.duringOutage(ctx, p.Tenant, do(w.rank(ctx, &p), &p))
		return aboutTenant(p.Tenant, w.ofOneObject(ctx, p.Tenant, err))
	}
}

// transport finds the way to KSeF of a tenant. Without one the work waits: a worker with the tenant's key may come, or a person mends the configuration.
func (w *Worker) transport(tenant string) (Transport, error) {
	if err := w.Fault(tenant); err != nil {
		return nil, err
	}
	t, ok := w.Transport(tenant)
	if !ok {
		return nil, &retry.LaterError{Delay: time.Minute, Reason: retry.ReasonPaused,
			What: fmt.Sprintf("tenant %s is not in this configuration, or is paused by it", tenant)}
	}
	return t, nil
}

func (w *Worker) reached(kind Kind, s ledger.State, n int) {
	if n > 0 {
		w.o.Observe(Event{Kind: kind, State: s, Count: n})
	}
}

// later asks for the task to come back; nothing failed.
func later(d time.Duration, reason retry.Reason, what string) error {
	return &retry.LaterError{Delay: d, Reason: reason, What: what}
}

// kindOf tells the client's error apart; "" for an error of another origin.
func kindOf(err error) (*ksef.APIError, ksef.ErrorKind) {
	var api *ksef.APIError
	if errors.As(err, &api) {
		return api, api.Kind
	}
	return nil, ""
}

// withheld reports a "no" that asking again does not change, while the key is good: the gateway refuses, or this key may not. To read what KSeF has takes a permission of its own (InvoiceRead), which
// a key that sends need not have.
func withheld(err error) bool {
	api, kind := kindOf(err)
	return kind == ksef.KindRefused || kind == ksef.KindUnauthorized && api.Status == http.StatusForbidden
}

// moved counts the moves that were made; a conflict is left to whoever moved that entry.
func moved(errs []error) int {
	n := 0
	for _, err := range errs {
		if err == nil {
			n++
		}
	}
	return n
}
