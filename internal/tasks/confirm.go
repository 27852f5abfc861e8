package tasks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/retry"
	"ksefworker/internal/settlement"
)

// confirmer finds out what became of a session, and settles its invoices.
type confirmer struct {
	*core
	writer    *writer
	family    *family
	polls     *pollSchedule
	online    *onlineSessions
	archiving *archiveUse
	archivist *archivist
	documents *documents
}

// confirm polls a package's session and acts on the answer. When the session has no outcome yet,
// the task comes back later, with pauses that grow with the session's age. Meanwhile the task uses
// up no attempt and occupies no place of a worker.
func (c *confirmer) confirm(ctx context.Context, p *ledger.Package) error {
	switch p.State {
	case ledger.PackageOpened:
		if p.Lane == ledger.Express {
			return c.confirmOpen(ctx, p)
		}
	case ledger.PackageClosing, ledger.PackageProcessing:
		return c.pollSession(ctx, p)
	case ledger.PackageSettled:
		return c.Queue.Put(ctx, queue.KindReceipt, p.ID, 0, queue.When{})
	}
	return nil
}

// pollSession asks how the session stands. In the state closing, a worker has called close, or was
// about to call it, and the outcome is not known. If the session of such a package is still open,
// it is closed again.
func (c *confirmer) pollSession(ctx context.Context, p *ledger.Package) error {
	t, err := c.transport(p.Tenant)
	if err != nil {
		return err
	}
	run := &confirmation{w: c, t: t, p: p}
	info, err := t.SessionStatus(ctx, p.Session)
	if err != nil {
		if api, kind := kindOf(err); kind == ksef.KindRefused {
			run.listed.Unknown = &settlement.Unknown{Status: api.Status, Code: api.Code, Text: api.Error(), Err: api}
			return run.settle(ctx)
		}
		return notYet(err)
	}
	run.listed.Session = info
	// KSeF knows the session after all. So the search that was begun while KSeF did not know the
	// session is reset. The search begins again if KSeF loses the session again.
	if p.Lost != 0 {
		if err := run.edit(ctx, ledger.PackageEdit{}.Lost(0).SearchAt(0, 0).Searched(0)); err != nil {
			return err
		}
	}
	open := info.Status.Code == ksef.OnlineSessionOpen // 100, for a batch session as well
	switch {
	case open && p.State == ledger.PackageClosing:
		return c.closeAgain(ctx, run)
	case open && givenUp(p):
		return c.giveUpIncomplete(ctx, run, "parts of the package are missing")
	case open && staysOpen(p, c.o.Now()):
		return c.stillOpen(ctx, run)
	case p.State == ledger.PackageClosing:
		// This call may change the revisions of the invoices, so the invoices are read only after
		// it.
		if err := c.writer.processing(ctx, p); err != nil {
			return err
		}
	}
	if info.Status.Processing() {
		what, said := statusWords(p.Lane, info.Status)
		return saying(c.polls.pollLater(p, what), said)
	}
	return run.settle(ctx)
}

// statusWords says how a session stands. what is in our own words. said has KSeF's words if the
// code is not documented; otherwise it is "".
func statusWords(lane ledger.Lane, s ksef.StatusInfo) (what, said string) {
	meaning, known := ksef.BatchSessionMeaning(s.Code)
	if lane == ledger.Express {
		meaning, known = ksef.OnlineSessionMeaning(s.Code)
	}
	what = fmt.Sprintf("session is %d", s.Code)
	if !known {
		return what, s.Description
	}
	return what + ", " + meaning, ""
}

// saying adds what KSeF said to the error of a task that waits.
func saying(err error, said string) error {
	if later, ok := errors.AsType[*retry.LaterError](err); ok && said != "" {
		later.Said = said
	}
	return err
}

// notYet returns the error with which a task ends after a failed request that is safe to repeat,
// such as a poll, a close or the opening of an online session. When KSeF may have carried the
// request out, that error lets the task come back later. Any other error is returned as it is.
func notYet(err error) error {
	if v := retry.Judge(err); v.Action == retry.LookFirst {
		return &retry.LaterError{Reason: v.Reason, Err: err}
	}
	return err
}

// endsRound reports whether, after this error, the next request of the round would fail as well.
func endsRound(err error) bool {
	switch retry.Judge(err).Reason {
	case retry.ReasonLimit, retry.ReasonThrottled, retry.ReasonDenied, retry.ReasonOutage, retry.ReasonStopping:
		return true
	}
	return false
}

func (ps *pollSchedule) pollLater(p *ledger.Package, what string) error {
	since := p.ClosingAt
	if since == 0 {
		since = p.CreatedAt
	}
	now := ps.o.Now()
	pause := ps.share(p.Tenant).pause(now.Sub(since.Time()), now, ps.urgent(p.Deadline), ps.o.ConfirmFirst, ps.o.ConfirmMax)
	exact := pause <= exactWithin
	if !exact {
		// Tasks come back about a second late (retry.Delay rounds up, so that nothing comes early).
		// A poll may come early, and fifty polls that are each a second late waste the allowance.
		// So the pause is made a second shorter.
		pause -= time.Second
	}
	return &retry.LaterError{Delay: pause, Reason: retry.ReasonProcessing, What: what, Exact: exact}
}

// confirmFirst queues the first poll of a session, which begins exactly on time. With run, a
// confirm task that is there already and waits for its time runs at once.
func (c *core) confirmFirst(ctx context.Context, id string, run bool) error {
	c.alarms.wake(queue.KindConfirm, id, c.o.ConfirmFirst)
	// asynq truncates to whole seconds. Without the added second, asynq could run the task too
	// early, when KSeF has no answer yet.
	return c.Queue.Put(ctx, queue.KindConfirm, id, 0, queue.When{In: c.o.ConfirmFirst + time.Second, Run: run})
}

// closeAgain closes a session once more. The session says that it is open, although the ledger says
// closing. The close has failed, was never called, or is not visible yet. A second close is
// harmless, because KSeF refuses it.
func (c *confirmer) closeAgain(ctx context.Context, run *confirmation) error {
	p := run.p
	if err := c.writer.writeClosingAgain(ctx, p); err != nil {
		if later, lagging := c.lags(ctx, err); lagging {
			return later
		}
		return err
	}
	err := run.t.CloseSession(ctx, p.Session, p.Lane == ledger.Bulk)
	if err == nil {
		if err := c.writer.processing(ctx, p); err != nil {
			return err
		}
		return c.polls.pollLater(p, "session closed")
	}
	api, kind := kindOf(err)
	if kind == ksef.KindRefused && c.neverComplete(p, api) {
		return c.giveUpIncomplete(ctx, run, api.Error())
	}
	if kind == ksef.KindRefused {
		return c.polls.pollLater(p, "KSeF says that the session is open, but refuses to close it, because it was closed before")
	}
	return notYet(err)
}
