// Package actions does what a person can do about documents that wait for one: retry an invoice that
// was rejected or parked, dismiss one that is not to be sent, dismiss a refusal. It also finds what
// a person means by names and filters. The command line and the HTTP intake both act with it.
package actions

import (
	"context"
	"errors"

	"ksefworker/internal/inquiry"
	"ksefworker/internal/ledger"
	"ksefworker/internal/tasks"
)

// Desk acts. It is safe for concurrent use.
type Desk struct {
	Ledger  *ledger.Ledger
	Queue   *tasks.Queue
	Inquiry *inquiry.Reader
}

// Cause says why something stays as it is. A closed list.
type Cause string

// The causes.
const (
	Unknown     Cause = "unknown"       // neither an id nor a number that is known
	Ambiguous   Cause = "ambiguous"     // the number is that of several invoices: IDs
	WrongState  Cause = "wrong_state"   // the action is not for its state: State
	NotTaken    Cause = "not_taken"     // it was refused and is not here: Refusal
	Unreadable  Cause = "unreadable"    // its entry cannot be read: Err
	NotKept     Cause = "not_kept"      // its document is gone (storage.keep_rejected)
	NumberInUse Cause = "number_in_use" // another document of its number is alive or accepted, or it moved just now
	Moved       Cause = "moved"         // it moved just now: State
	Ended       Cause = "ended"         // the refusal was ended just now
)

// StaysError says why nothing was done about one document. Which of the fields beside Cause are set,
// the causes tell.
type StaysError struct {
	Cause   Cause
	State   ledger.State
	IDs     []string
	Refusal *ledger.Refusal
	Err     error
}

func (e *StaysError) Error() string {
	if e.Err != nil {
		return string(e.Cause) + ": " + e.Err.Error()
	}
	return string(e.Cause)
}

// Unwrap returns the cause's own error.
func (e *StaysError) Unwrap() error { return e.Err }

// Retry lets a rejected or parked invoice begin again. A [*StaysError] says why it does not.
func (d *Desk) Retry(ctx context.Context, inv *ledger.Invoice) error {
	kept, err := d.Ledger.HasBody(ctx, inv)
	if err != nil {
		return err
	}
	if !kept {
		return &StaysError{Cause: NotKept}
	}
	err = d.Ledger.Retry(ctx, inv)
	if _, ok := errors.AsType[*ledger.ConflictError](err); ok {
		return &StaysError{Cause: NumberInUse}
	}
	if err != nil {
		return err
	}
	// Its revision is the task's, so a task of its first attempt does not stand in the way.
	now, err := d.Ledger.Invoice(ctx, inv.ID)
	if err != nil {
		return err
	}
	return d.Queue.Put(ctx, tasks.KindSubmit, now.ID, now.Rev, tasks.When{Overflow: now.Overflow})
}

// Dismiss ends a queued, rejected or parked invoice for good. A [*StaysError] says why it does not.
func (d *Desk) Dismiss(ctx context.Context, inv *ledger.Invoice, by ledger.Dismissal) error {
	err := d.Ledger.Dismiss(ctx, inv, by)
	if conflict, ok := errors.AsType[*ledger.ConflictError](err); ok {
		return &StaysError{Cause: Moved, State: ledger.State(conflict.State)}
	}
	return err
}

// DismissRefusal ends a refusal. A [*StaysError] says why it does not.
func (d *Desk) DismissRefusal(ctx context.Context, r *ledger.Refusal, by ledger.Dismissal) error {
	err := d.Ledger.DismissRefusal(ctx, r.ID, by)
	if errors.Is(err, ledger.ErrNotFound) {
		return &StaysError{Cause: Ended}
	}
	return err
}
