package tasks

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/hibiken/asynq"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/ratelimit"
	"ksefworker/internal/retry"
	"ksefworker/internal/tracing"
)

// foreignPause is the pause of a task that a worker of another environment took.
const foreignPause = 2 * time.Second

// handler returns asynq's handler for the tasks of a kind.
func (w *Worker) handler(kind queue.Kind, handle func(context.Context, string) error) asynq.Handler {
	return w.counted(w.Queue.Handle(func(ctx context.Context, id string) error {
		return w.judged(ctx, kind, id, func(ctx context.Context) error { return handle(ctx, id) })
	}))
}

// chunkHandler returns asynq's handler for the tasks of chunks.
func (w *Worker) chunkHandler(handle func(context.Context, queue.Chunk) error) asynq.Handler {
	return w.counted(w.Queue.HandleChunk(func(ctx context.Context, c queue.Chunk) error {
		return w.judged(ctx, queue.KindChunk, c.ID, func(ctx context.Context) error { return handle(ctx, c) })
	}))
}

// counted lets [Worker.Stop] wait for the handler.
func (w *Worker) counted(run asynq.Handler) asynq.Handler {
	return asynq.HandlerFunc(func(ctx context.Context, t *asynq.Task) error {
		w.running.Add(1)
		defer w.running.Done()
		return run.ProcessTask(ctx, t)
	})
}

// judged runs a task and has package retry judge the error that it returned. A lost compare-and-set
// means that another task moved the entry. So it is no error, and the task comes back soon and
// reads the ledger again.
func (w *Worker) judged(ctx context.Context, kind queue.Kind, id string, run func(context.Context) error) error {
	ctx, span := w.begin(ctx, kind, id)
	defer span.End()
	// Every request of a task waits in the waitlist under the task's name. So the task still has
	// its place when it comes back.
	err := run(ratelimit.WithObject(ratelimit.With(ctx, ratelimit.Ticket(string(kind)+":"+id)), id))
	if err == nil {
		return nil
	}
	var conflict *ledger.ConflictError
	if errors.As(err, &conflict) {
		err = &retry.LaterError{Delay: time.Second, Reason: retry.ReasonOther, What: "another task changed the entry first", Err: err}
	}
	if _, foreign := errors.AsType[*ledger.HomeError](err); foreign {
		// A worker of the ledger's own environment can run the task. With growing pauses, the task
		// would wait for minutes after this worker had taken it a few times in a row.
		err = &retry.LaterError{Delay: foreignPause, Reason: retry.ReasonLocal, What: "this worker is for another environment", Err: err}
	}
	about, _ := errors.AsType[*tenantError](err)
	if about != nil {
		err = about.error
	}
	told := retry.WithVerdict(forArchive(err))
	queued := retry.ForQueue(told)
	v := retry.Judge(told)
	w.o.Judged(Judged{Kind: kind, Reason: v.Reason, Action: v.Action})
	w.logVerdict(kind, id, about.of(), v, told)
	traceVerdict(span, v, queued)
	if kind == queue.KindSweep {
		// The next round is the next try. If each sweep that failed came back by itself, there
		// would be more and more of them.
		return nil
	}
	w.noteSaid(ctx, kind, id, about.of(), queued)
	if again, ok := errors.AsType[*retry.LaterError](told); ok {
		w.alarms.onReturn(kind, id, again)
	}
	return queued
}

// onQueued is the beginning of every task about one invoice. Nothing is left to do when the invoice
// waits in a waiting set, when it has ended, or when it is on its way. In the last case the confirm
// task of its session takes care of it. In each of these cases movedOn is called, if it is not nil.
// Nothing is left to do either when the invoice is missing in the ledger. In that case Redis was
// emptied, and a person who has the invoice's file hands it in again.
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
		tracing.Tenant(ctx, inv.Tenant)
		return aboutTenant(inv.Tenant, w.duringOutage(ctx, inv.Tenant, do(ctx, &inv)))
	}
}

// onPackage is the beginning of every task about a package. It ranks the task's requests to KSeF by
// the package's urgency.
func (w *Worker) onPackage(do func(context.Context, *ledger.Package) error) func(context.Context, string) error {
	return func(ctx context.Context, id string) error {
		p, err := w.Ledger.Package(ctx, id)
		switch {
		case errors.Is(err, ledger.ErrNotFound):
			return nil
		case err != nil:
			return err
		}
		tracing.Tenant(ctx, p.Tenant)
		err = w.duringOutage(ctx, p.Tenant, do(w.rank(ctx, &p), &p))
		return aboutTenant(p.Tenant, w.ofOneObject(ctx, p.Tenant, err))
	}
}

// later returns the error that lets a task come back after d, although nothing failed.
func later(d time.Duration, reason retry.Reason, what string) error {
	return &retry.LaterError{Delay: d, Reason: reason, What: what}
}

// kindOf returns the error of a client of KSeF and its kind; nil and "" for an error of another
// origin.
func kindOf(err error) (*ksef.APIError, ksef.ErrorKind) {
	var api *ksef.APIError
	if errors.As(err, &api) {
		return api, api.Kind
	}
	return nil, ""
}

// withheld reports whether KSeF refused in a way that lasts, although the key is good. The gateway
// refuses the request, or this key lacks the permission for it. Reading documents from KSeF needs a
// permission of its own (InvoiceRead), which a key that sends need not have.
func withheld(err error) bool {
	api, kind := kindOf(err)
	return kind == ksef.KindRefused || kind == ksef.KindUnauthorized && api.Status == http.StatusForbidden
}

// moved counts the moves that were made. errs has nil for each move that was made, and a conflict
// for each that was not. A conflict is left to the task that moved the entry first.
func moved(errs []error) int {
	n := 0
	for _, err := range errs {
		if err == nil {
			n++
		}
	}
	return n
}
