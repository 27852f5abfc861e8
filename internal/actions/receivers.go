package actions

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ksefworker/internal/audit"
	"ksefworker/internal/results/sinks"
)

// Busy says that nothing was done, because a worker served the receiver all the time that
// [sinks.Admin] waited. Err wraps [sinks.ErrBusy].
const Busy Cause = "busy"

// Receivers does what a person can do about receivers of results. Every field but Audit is
// required. Receivers is safe for concurrent use.
type Receivers struct {
	Admin sinks.Admin
	Audit *audit.Recorder // as in [Executor]
}

// Resend sends again the results that a receiver did not take and that were given up. ids are the
// invoices and refused documents whose results are sent. Without ids all are sent. tenant is the
// tenant of the documents, for the audit log; "" means all tenants. n is how many results are sent
// again.
func (x *Receivers) Resend(ctx context.Context, receiver, by, tenant string, ids ...string) (n int, err error) {
	about := receiver
	switch {
	case len(ids) == 1:
		about += " " + ids[0]
	case len(ids) > 1:
		about += fmt.Sprintf(" (%d)", len(ids))
	}
	err = x.recorded(ctx, audit.Entry{Who: by, What: audit.Resend, Tenant: tenant, ID: about}, func() (err error) {
		n, err = x.Admin.Resend(ctx, receiver, ids...)
		return err
	})
	return n, err
}

// Rewind sends again the results that were written to the outbox since the given time, as far as
// the outbox still has them. It does nothing if the receiver has not got that far yet.
func (x *Receivers) Rewind(ctx context.Context, receiver, by string, since time.Time) error {
	return x.recorded(ctx, audit.Entry{Who: by, What: audit.Resend, ID: receiver + " since " + since.UTC().Format(time.RFC3339)},
		func() error { return x.Admin.Rewind(ctx, receiver, since) })
}

// Resume lets the pool call a receiver at once, after the receiver was out of service or asked for
// no more results.
func (x *Receivers) Resume(ctx context.Context, receiver, by string) error {
	return x.recorded(ctx, audit.Entry{Who: by, What: audit.CallAgain, ID: receiver},
		func() error { return x.Admin.Resume(ctx, receiver) })
}

func (x *Receivers) recorded(ctx context.Context, act audit.Entry, do func() error) (done error) {
	if err := x.Audit.Begin(ctx, act); err != nil {
		return err
	}
	defer func() { x.Audit.NotDone(ctx, act, done) }()
	err := do()
	if errors.Is(err, sinks.ErrBusy) {
		return &NotDoneError{Cause: Busy, Err: err}
	}
	return err
}
