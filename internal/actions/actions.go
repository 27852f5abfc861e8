// Package actions does what a person decides about documents that wait for a person: retry an
// invoice, dismiss an invoice or a refusal, mark a document as seen. It also does what a person
// decides about receivers of results, and selects documents by names and filters. The command line,
// the HTTP intake and the business page use it.
package actions

import (
	"context"
	"errors"

	"ksefworker/internal/audit"
	"ksefworker/internal/inquiry"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/results"
	"ksefworker/internal/tracing"
)

// Executor selects documents and acts on them. It is safe for concurrent use if its Inquiry is.
// Every field but Archive, Audit and Trail is required.
type Executor struct {
	Ledger  *ledger.Ledger
	Queue   *queue.Queue
	Inquiry *inquiry.Reader
	// Archive tells whether KSeF has an invoice that the ledger holds for undecided, as it may
	// after Redis was restored from a backup. nil: nothing is asked.
	Archive Archive
	// Audit records who does what. An action that cannot be recorded is not done. nil records
	// nothing.
	Audit *audit.Recorder
	Trail tracing.Trail // told of what is done
}

// Archive is what an Executor reads of the archive.
type Archive interface {
	// Kept returns the archived result of the invoice that the given result is about; false if
	// there is none.
	Kept(ctx context.Context, of results.Result) (results.Result, bool, error)
}

// Cause says why nothing was done about a document. The list is closed.
type Cause string

// The causes. The comment of a cause names the fields of [NotDoneError] that are set with it.
const (
	Unknown     Cause = "unknown"       // no document has this id or number
	Ambiguous   Cause = "ambiguous"     // several invoices have this number: IDs
	WrongState  Cause = "wrong_state"   // the action is not allowed in this state: State
	NotTaken    Cause = "not_taken"     // the document was refused, so there is no invoice: Refusal, which may have ended
	Unreadable  Cause = "unreadable"    // its entry cannot be read: Err
	Unsearched  Cause = "unsearched"    // it is not known whether a document has this id or number, because a key cannot be read: Err
	NotKept     Cause = "not_kept"      // its document was deleted (storage.keep_rejected)
	NumberInUse Cause = "number_in_use" // another document with its number or ref is alive or accepted, or its own state just changed
	Has         Cause = "has"           // KSeF has the invoice, as its archived result says: KsefNumber
	Unchecked   Cause = "unchecked"     // the archive did not say whether KSeF has the invoice: Err
	Moved       Cause = "moved"         // its state just changed: State
	Ended       Cause = "ended"         // the refusal, or the item to mark as seen, is not open: Refusal, or nil if it has just ended
)

// NotDoneError says why nothing was done about one document. The comments of the causes say which
// fields are set.
type NotDoneError struct {
	Cause   Cause
	State   ledger.State
	IDs     []string
	Refusal *ledger.Refusal
	Err     error

	KsefNumber string
}

func (e *NotDoneError) Error() string {
	if e.Err != nil {
		return string(e.Cause) + ": " + e.Err.Error()
	}
	return string(e.Cause)
}

// Unwrap returns Err.
func (e *NotDoneError) Unwrap() error { return e.Err }

// CheckRetry returns the error with which [Executor.Retry] would refuse the invoice as it is now,
// and changes nothing.
func (x *Executor) CheckRetry(ctx context.Context, inv *ledger.Invoice) error {
	kept, err := x.Ledger.HasBody(ctx, inv)
	if err != nil {
		return err
	}
	if !kept {
		return &NotDoneError{Cause: NotKept}
	}
	may, err := x.Ledger.MayRetry(ctx, inv)
	if err == nil && !may {
		return &NotDoneError{Cause: NumberInUse}
	}
	return err
}

// Unrecorded reports whether an action was not carried out because the audit log cannot record it.
func Unrecorded(err error) bool {
	_, sick := errors.AsType[*audit.SickError](err)
	return sick
}

// Retry queues a rejected, parked or superseded invoice again, or takes back a dismissal. by is the
// name of the person who decided this, for the audit log. When a dismissal is taken back, the entry
// of the invoice keeps this name too. Retry returns a [*NotDoneError] when the document was
// deleted, when its number or ref is in use, or when the state of the invoice has just changed.
func (x *Executor) Retry(ctx context.Context, inv *ledger.Invoice, by string) (done error) {
	err := x.CheckRetry(ctx, inv)
	if err != nil {
		return err
	}
	act := audit.Entry{Who: by, What: audit.Retry, Tenant: inv.Tenant, ID: inv.ID}
	if err := x.Audit.Begin(ctx, act); err != nil {
		return err
	}
	defer func() { x.Audit.NotDone(ctx, act, done) }()
	if inv.State == ledger.Dismissed {
		err = x.Ledger.TakeBack(ctx, inv, by)
	} else {
		err = x.Ledger.Retry(ctx, inv)
	}
	if _, ok := errors.AsType[*ledger.ConflictError](err); ok {
		return &NotDoneError{Cause: NumberInUse}
	}
	if err != nil {
		return err
	}
	x.moved(ctx, inv, ledger.Queued)
	// The task has the new revision in its id, so that a task of an earlier attempt is not taken
	// for this one.
	now, err := x.Ledger.Invoice(ctx, inv.ID)
	if err != nil {
		return err
	}
	return x.Queue.Put(ctx, queue.KindSubmit, now.ID, now.Rev, queue.When{Overflow: now.Overflow})
}

// CheckDismiss returns the error with which [Executor.Dismiss] would refuse the invoice as it is
// now, and changes nothing.
func (x *Executor) CheckDismiss(ctx context.Context, inv *ledger.Invoice) error {
	if x.Archive == nil {
		return nil
	}
	kept, ok, err := x.Archive.Kept(ctx, results.Result{ID: inv.ID, NIP: inv.NIP, IssueDate: inv.IssueDate})
	switch {
	case err != nil:
		return &NotDoneError{Cause: Unchecked, Err: err}
	case ok && ledger.State(kept.State).InKSeF():
		return &NotDoneError{Cause: Has, KsefNumber: kept.KsefNumber}
	}
	return nil
}

// Dismiss ends a queued, rejected or parked invoice. When the state of the invoice has just
// changed, when the archive says that KSeF has the invoice, or when the archive does not answer,
// Dismiss returns a [*NotDoneError].
func (x *Executor) Dismiss(ctx context.Context, inv *ledger.Invoice, by ledger.Dismissal) (done error) {
	if err := x.CheckDismiss(ctx, inv); err != nil {
		return err
	}
	act := audit.Entry{Who: by.By, What: audit.Dismiss, Tenant: inv.Tenant, ID: inv.ID}
	if err := x.Audit.Begin(ctx, act); err != nil {
		return err
	}
	defer func() { x.Audit.NotDone(ctx, act, done) }()
	err := x.Ledger.Dismiss(ctx, inv, by)
	if conflict, ok := errors.AsType[*ledger.ConflictError](err); ok {
		return &NotDoneError{Cause: Moved, State: ledger.State(conflict.State)}
	}
	if err == nil {
		x.moved(ctx, inv, ledger.Dismissed)
	}
	return err
}

func (x *Executor) moved(ctx context.Context, inv *ledger.Invoice, to ledger.State) {
	x.Trail.Moved(ctx, tracing.Change{Invoice: inv.ID, Package: inv.Package, Session: inv.Session, Tenant: inv.Tenant, State: string(to)})
}

// DismissRefusal ends a refusal. When the refusal has ended already, it returns a [*NotDoneError].
func (x *Executor) DismissRefusal(ctx context.Context, r *ledger.Refusal, by ledger.Dismissal) (done error) {
	act := audit.Entry{Who: by.By, What: audit.Dismiss, Tenant: r.Tenant, ID: r.ID}
	if err := x.Audit.Begin(ctx, act); err != nil {
		return err
	}
	defer func() { x.Audit.NotDone(ctx, act, done) }()
	err := x.Ledger.DismissRefusal(ctx, r.ID, by)
	if errors.Is(err, ledger.ErrNotFound) {
		return &NotDoneError{Cause: Ended}
	}
	return err
}
