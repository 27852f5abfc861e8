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

// Parts are what a worker is made of. All are required except the last two.
type Parts struct {
	Ledger *ledger.Ledger
	Queue  *Queue
	Bodies *ledger.Bodies
	Store  archive.Store
	Budget Budget
	// Transport returns the way to KSeF of the tenant of this name. It returns false when no such
	// tenant is configured here, or the configuration pauses it.
	Transport func(tenant string) (Transport, bool)
	// PartStore is asked before a session is opened for parts. nil stands for a store that is never
	// out of service.
	PartStore PartStore
	// Fault returns an error when a fault of this process alone keeps it from working for the
	// tenant, or for one of the groups if any are named. The tenant's task ends with this error and
	// is left to another worker. Fault returns nil when there is no such fault; a nil func never
	// finds any.
	Fault func(tenant string, groups ...string) error
}

// Options are the settings of the worker; config/worker.example.yaml explains each. Unless a field
// says what its zero value means, zero is not usable: the process fills it in.
type Options struct {
	// Worker is unique in the pool and changes with every start: a restarted worker does not own
	// the sessions of its predecessor.
	Worker      string
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
	// SessionInvoices returns how many invoices of a tenant KSeF takes in one session; nil is the
	// usual 10,000 for all.
	SessionInvoices func(tenant string) int
	ExpressBelow    int
	Quiet           time.Duration
	DeadlineNear    time.Duration

	ExpressIdle        time.Duration
	ExpressMaxAge      time.Duration
	ExpressMaxInvoices int
	ExpressShare       float64 // part of single sends that is left free for invoices of lane express

	ConfirmFirst time.Duration
	ConfirmMax   time.Duration
	SweepEvery   time.Duration
	// SweepAfter is how long something must have stood still before the sweep checks it. 0 is a
	// minute, longer than any step between two writes takes.
	SweepAfter   time.Duration
	DeadAfter    time.Duration // how long a worker without a heartbeat is taken for alive; 0 is 30 s
	Retention    time.Duration // of ended entries; 0 keeps them for ever
	KeepRejected time.Duration // of the documents of invoices that ended without KSeF; 0: as long as their entries
	RefusalsKept time.Duration // how long refused documents stay on record

	ArchiveParallel int // receipt tasks that use the archive at a time; 0 is 3
	ArchiveShare    int // of those, of one tenant; 0 is 2

	Now func() time.Time // this machine's clock, corrected by Redis's clock; nil is time.Now
	Log zerolog.Logger
	// Observe is called with every outcome; it may be nil.
	Observe func(Event)
}

func (o Options) sessionInvoices(tenant string) int {
	if o.SessionInvoices == nil {
		return numbers.MaxSessionInvoices
	}
	return o.SessionInvoices(tenant)
}

// Event is one thing that happened, for metrics: an invoice reached a state, or package retry
// judged the error of a task.
type Event struct {
	Kind   Kind
	State  ledger.State // set when an invoice reached it
	Count  int
	Reason retry.Reason // set when an error was judged
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
	lookups       *bulkhead // other uses of the archive, outside the path of packages
	alone         *bulkhead // large documents that are sent alone
	receiptMemory memory
	buildMemory   memory
	// shedFrom is until when (ms) nothing is removed from the archive, because it refused removals.
	shedFrom atomic.Int64
	// pendingResultsFrom is how far the sweep has come through the pending results.
	pendingResultsFrom atomic.Int64
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
		p.PartStore = alwaysInService{}
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
	return &Worker{
		Parts:   p,
		o:       o,
		express: newExpress(),
		builds:  newBuilds(),
		closes:  newCloses(),
		clock:   clock,
		turns:   turns{max: o.TenantTasks},
		holds:   newPersonHolds(),

		receipts:      newBulkhead(o.ArchiveParallel, o.ArchiveShare),
		lookups:       newBulkhead(lookupPlaces, tenantLookups),
		alone:         newBulkhead(alonePlaces, tenantAlone),
		receiptMemory: newMemory(),
		buildMemory:   newMemory(),
	}
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

// handler reads the payload, runs the handler, and has package retry judge the error that it
// returned. A lost compare-and-set is not an error: another task moved the entry, so the task comes
// back soon and reads the ledger again.
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
		// Every request of a task stands in the waitlist under the task's name: when the task comes
		// back, it still has its place, and not the last one.
		err = handle(ratelimit.WithObject(ratelimit.With(ctx, ratelimit.Ticket(string(kind)+":"+id)), id), id)
		if err == nil {
			return nil
		}
		var conflict *ledger.ConflictError
		if errors.As(err, &conflict) {
			err = &retry.LaterError{Delay: time.Second, Reason: retry.ReasonOther, What: "another task changed the entry first", Err: err}
		}
		about, _ := errors.AsType[*tenantError](err)
		if about != nil {
			err = about.error
		}
		told := retry.Tell(forArchive(err))
		v := retry.Judge(told)
		w.o.Observe(Event{Kind: kind, Reason: v.Reason, Action: v.Action})
		w.logVerdict(kind, id, about.of(), v, told)
		if kind == KindSweep {
			// The next round is the next try. If each sweep that failed came back by itself, there
			// would be more and more of them.
			return nil
		}
		return told
	})
}

// onQueued is the beginning of every task about one invoice. Nothing is left to do when the invoice
// waits with others; when it is on its way, because the confirm task of its session drives it on;
// or when it is not in the ledger. In the last case Redis was emptied, and a person who has the
// file hands it in again. movedOn, if not nil, is called for an invoice that has moved on.
func (w *Worker) onQueued(
	do func(context.Context, *ledger.Invoice) error, movedOn func(context.Context, *ledger.Invoice),
) func(context.Context, string) error {
	return func(ctx context.Context, id string) error {
		inv, err := w.Ledger.Invoice(ctx, id)
		switch {
		case errors.Is(err, ledger.ErrNotFound):
			return nil
		case err != nil:
			return err
		case inv.State != ledger.Queued || inv.Group != "":
			if movedOn != nil {
				movedOn(ctx, &inv)
			}
			return nil
		}
		return aboutTenant(inv.Tenant, w.duringOutage(ctx, inv.Tenant, do(ctx, &inv)))
	}
}

// onPackage is the beginning of every task about a package: the task's requests to KSeF are ranked
// by the package's urgency.
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

// transport finds the way to KSeF of a tenant. Without one the work waits: another worker may have
// the key of the tenant, or a person fixes the configuration.
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

// kindOf returns the client's error and its kind; "" for an error of another origin.
func kindOf(err error) (*ksef.APIError, ksef.ErrorKind) {
	var api *ksef.APIError
	if errors.As(err, &api) {
		return api, api.Kind
	}
	return nil, ""
}

// withheld reports whether KSeF refused in a way that asking again does not change, although the
// key is good: the gateway refuses the request, or this key has no permission for it. To read what
// KSeF has takes a permission of its own (InvoiceRead), which a key that sends need not have.
func withheld(err error) bool {
	api, kind := kindOf(err)
	return kind == ksef.KindRefused || kind == ksef.KindUnauthorized && api.Status == http.StatusForbidden
}

// moved counts the moves that were made. A conflict is left to the task that moved that entry.
func moved(errs []error) int {
	n := 0
	for _, err := range errs {
		if err == nil {
			n++
		}
	}
	return n
}
