package tasks

import (
	"context"
	"errors"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/ratelimit"
	"ksefworker/internal/retry"
	"ksefworker/internal/settlement"
)

// maxSendWait is the longest time that a send waits for the limiter after the ledger has recorded
// the invoice as sending. Before that record, the invoice's turn was within the wait that the
// limiter allows (2 s, or as configured). Writing the record takes perhaps a tenth of a second, and
// in that time the turn may have moved further away. Therefore the limit here is longer. With the
// same limit, the invoice would be written back and would wait for another whole round, and its
// place would be wasted.
const maxSendWait = 4 * time.Second

// post writes the state sending, posts the invoice, and writes the outcome.
func (x *onlineSessions) post(ctx context.Context, t Transport, s *onlineSession, inv *ledger.Invoice, doc []byte) error {
	request := ksef.Seal(s.pkg.Session, s.key, doc)
	if err := correcting(&request, inv); err != nil {
		return err
	}
	rev, _, err := x.Ledger.BeginSend(ctx, s.pkg.ID, x.o.Worker, inv)
	var conflict *ledger.ConflictError
	if errors.As(err, &conflict) && conflict.ID == s.pkg.ID {
		x.drop(s) // another worker thought that this one was dead, or a person retried an invoice of this session
		return later(time.Second, retry.ReasonOther, "this online session does not take the invoice; it goes into the next session")
	}
	if later, lagging := x.lags(ctx, err); lagging {
		inv.Rev = rev
		x.logInvoice(inv, ledger.Sending, s.pkg.ID, s.pkg.Session)
		if err := x.unsent(ctx, s, inv); err != nil {
			x.drop(s)
			return err
		}
		return later
	}
	if err != nil {
		// The Redis client repeats a call whose answer was lost. So Redis may have carried the
		// command out even when it answers that the invoice is being sent already. In that case the
		// invoice is in the state sending although no task sends it. Only a session that is over
		// can show that the invoice was never sent.
		if conflict == nil || conflict.State == string(ledger.Sending) {
			x.drop(s)
		}
		return err
	}
	inv.Rev, inv.State, inv.Package = rev, ledger.Sending, s.pkg.ID
	x.logInvoice(inv, ledger.Sending, s.pkg.ID, s.pkg.Session)
	sent, err := t.SendInvoice(ratelimit.With(ctx, ratelimit.MaxWait(maxSendWait)), request)
	// The outcome is written even when the time of this run is up, because the answer will not come
	// a second time.
	ctx = context.WithoutCancel(ctx)
	if err == nil {
		x.sessionRefusals.clear(inv.Tenant)
		err := x.Ledger.Move(ctx, ledger.Move{ID: inv.ID, Rev: inv.Rev, To: ledger.Sent,
			Edit: ledger.Edit{}.Reference(sent.ID)})
		if err == nil {
			x.reached(queue.KindSend, ledger.Sent, 1)
			x.logInvoice(inv, ledger.Sent, s.pkg.ID, s.pkg.Session)
		} else {
			x.drop(s) // sent, but the ledger may not know: the status of the session will show it
		}
		return err
	}
	action := retry.Judge(err).Action
	switch api, _ := kindOf(err); {
	case api != nil && api.MaybeDone:
		// Even a refusal or a 429 proves nothing when KSeF may have carried the request out.
		action = retry.LookFirst
	case api != nil && api.OfSession():
		if handled, err := x.refusedBySession(ctx, t, s, inv, api); handled {
			return err
		}
	}
	switch action {
	case retry.LookFirst:
		x.o.Log.Warn().Str("id", inv.ID).Str("session", s.pkg.Session).Err(err).
			Msg("answer to a send lost: the status of the session will show whether it arrived")
		x.drop(s) // so that it is closed soon: its status shows what arrived only after the close
		moveErr := x.Ledger.Move(ctx, ledger.Move{ID: inv.ID, Rev: inv.Rev, To: ledger.Unknown, Edit: ledger.Because(0, err.Error())})
		if moveErr == nil {
			x.logInvoice(inv, ledger.Unknown, s.pkg.ID, s.pkg.Session)
		}
		return moveErr
	case retry.Never:
		// The likely cause is the session (closed, expired, or opened with a public key that is out
		// of date). The next attempt uses a new session or a package.
		x.drop(s)
		t.Invalidate()
		api, _ := kindOf(err)
		if notCorrectable(inv, api) {
			_, err = x.writer.write(ctx, &s.pkg, []settlement.Move{settlement.NotCorrectable(inv, api.Code, api.Words())}, false)
			return err
		}
		again := settlement.NoVerdict(s.pkg.Lane, inv, api.Code, api.Words(), settlement.ProvenUnposted)
		_, err = x.writer.write(ctx, &s.pkg, []settlement.Move{again}, false)
		return err
	default:
		// The invoice was not sent, or KSeF refused the request without reading it. Either way KSeF
		// does not have it.
		if moveErr := x.unsent(ctx, s, inv); moveErr != nil {
			x.drop(s)
			return moveErr
		}
		return err
	}
}

// unsent moves an invoice from sending back to queued. The caller must know that the invoice was
// not posted.
func (x *onlineSessions) unsent(ctx context.Context, s *onlineSession, inv *ledger.Invoice) error {
	err := x.Ledger.Move(ctx, ledger.Move{ID: inv.ID, Rev: inv.Rev, From: []ledger.State{ledger.Sending}, To: ledger.Queued,
		Edit: ledger.Edit{}.OutOfPackage()})
	if err == nil {
		x.logInvoice(inv, ledger.Queued, s.pkg.ID, s.pkg.Session)
	}
	return err
}
