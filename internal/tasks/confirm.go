package tasks

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/retry"
)

// confirm looks at a package's session and does what it shows. "Not yet" brings the task back later, with pauses that grow with the session's age; it
// consumes no attempt and holds no worker.
func (w *Worker) confirm(ctx context.Context, p *ledger.Package) error {
	switch p.State {
	case ledger.PackageOpened:
		if p.Lane == ledger.Express {
			return w.confirmOpen(ctx, p)
		}
	case ledger.PackageClosing, ledger.PackageProcessing:
		return w.look(ctx, p)
	case ledger.PackageSettled:
		return w.Queue.Put(ctx, KindReceipt, p.ID, 0, When{})
	}
	return nil
}

// look asks how the session stands. In closing, close was tried and its outcome is not known: a session that is still open is closed again.
func (w *Worker) look(ctx context.Context, p *ledger.Package) error {
	t, err := w.transport(p.Tenant)
	if err != nil {
		return err
	}
	info, err := t.SessionStatus(ctx, p.Session)
	if err != nil {
		if api, kind := kindOf(err); kind == ksef.KindRefused {
			return w.lost(ctx, t, p, api)
		}
		return notYet(err)
	}
	if p.Lost != 0 { // the gateway knows it after all: whatever was begun because it did not, begins anew the next time
		if err := w.Ledger.MovePackage(ctx, p, ledger.PackageMove{Set: []ledger.Set{{Field: "lost", Value: 0}, {Field: "search_from", Value: 0},
			{Field: "search_page", Value: 0}, {Field: "searched", Value: 0}}}); err != nil {
			return err
		}
		p.Lost, p.SearchFrom, p.SearchPage, p.Searched = 0, 0, 0, 0
	}
	status := info.Status
	if p.State == ledger.PackageClosing {
		if status.Code == ksef.OnlineSessionOpen { // 100, for a batch session as well
			return w.closeAgain(ctx, t, p)
		}
		if err := w.processing(ctx, p); err != nil {
			return err
		}
	}
	switch {
	case status.Processing():
		return w.lookLater(p, fmt.Sprintf("session is %d, %s", status.Code, status.Description))
	case status.Done(), status.Code == ksef.BatchSessionNoValidInvoices:
		return w.settleFinal(ctx, t, p, info)
	default:
		return w.sessionRefused(ctx, t, p, info)
	}
}

// notYet turns a look that failed into one that comes later: a look changes nothing, so "may have been carried out" means nothing here.
func notYet(err error) error {
	if v := retry.Judge(err); v.Action == retry.LookFirst {
		return &retry.LaterError{Reason: v.Reason, Err: err}
	}
	return err
}

func (w *Worker) lookLater(p *ledger.Package, what string) error {
	since := p.ClosingAt
	if since == 0 {
		since = p.CreatedAt
	}
	now := w.o.Now()
	pause := w.share(p.Tenant).pause(now.Sub(since.Time()), now, w.urgent(p.Deadline), w.o.ConfirmFirst, w.o.ConfirmMax)
	// Tasks come back a second late on the whole (retry.Delay rounds up, so that nothing comes early); a look may come early, and fifty that are each a second late waste the allowance.
	return later(max(pause-time.Second, w.o.ConfirmFirst), retry.ReasonProcessing, what)
}

// closeAgain is for a session that says that it is open although close was tried. A second close is harmless: it is refused.
func (w *Worker) closeAgain(ctx context.Context, t Transport, p *ledger.Package) error {
	if err := w.Ledger.Secure(ctx, p); err != nil {
		if later, lagging := w.lags(ctx, err); lagging {
			return later
		}
		return err
	}
	err := t.CloseSession(ctx, p.Session, p.Lane == ledger.Bulk)
	if err == nil {
		if err := w.processing(ctx, p); err != nil {
			return err
		}
		return w.lookLater(p, "session closed")
	}
	if _, kind := kindOf(err); kind == ksef.KindRefused {
		return w.lookLater(p, "session says open, but refuses to be closed: it was closed before")
	}
	return notYet(err)
}

// lostAfter is how long a session may be unknown to the gateway before its package is taken for lost. Shorter than that, it can be one machine of
// several that lags behind.
const lostAfter = 10 * time.Minute

// lost handles a gateway that refuses to tell about a session it opened itself. That is no proof of anything, and sending its invoices anew could make duplicates: after a while KSeF's register
// is asked instead. What is in it with our content is accepted; of the rest only a person can find out, by looking at KSeF from outside.
func (w *Worker) lost(ctx context.Context, t Transport, p *ledger.Package, api *ksef.APIError) error {
	if api.Status != http.StatusNotFound && api.Status != http.StatusBadRequest {
		return w.lookLater(p, api.Error())
	}
	now := w.o.Now()
	if p.Lost == 0 {
		err := w.Ledger.MovePackage(ctx, p, ledger.PackageMove{Set: []ledger.Set{{Field: "lost", Value: ledger.At(now)}}})
		if err != nil {
			return err
		}
		return later(w.o.ConfirmFirst, retry.ReasonRefused, api.Error())
	}
	if now.Sub(p.Lost.Time()) < lostAfter {
		return later(time.Minute, retry.ReasonRefused, api.Error())
	}
	left, _, err := w.undecided(ctx, p)
	if err != nil {
		return err
	}
	for i := range left {
		if inv := &left[i]; inv.OriginalBy == "" {
			set := append(because(api.Code, api.Error()), ledger.Set{Field: "orig_session", Value: p.Session}, ledger.Set{Field: "orig_by", Value: bySearch})
			if err := w.note(ctx, inv, set...); err != nil {
				return err
			}
			inv.Code, inv.OriginalSession, inv.OriginalBy = api.Code, p.Session, bySearch
		}
	}
	if err := w.recover(ctx, t, p, left); err != nil {
		return notYet(err)
	}
	return w.endRefused(ctx, p, api.Code, api.Error())
}

// endProcessing moves a package to an end that is legal from closing and processing alike.
func (w *Worker) endProcessing(ctx context.Context, p *ledger.Package, to ledger.PackageState, code int, reason string) error {
	if p.State == ledger.PackageClosing && to == ledger.PackageSettled {
		if err := w.processing(ctx, p); err != nil {
			return err
		}
	}
	return w.Ledger.MovePackage(ctx, p, ledger.PackageMove{To: to,
		Set: []ledger.Set{{Field: "code", Value: code}, {Field: "reason", Value: reason}, {Field: "filed", Value: false}}})
}

// waitForUnread keeps a package open for what cannot be read in it, while the others get their
// receipts.
func (w *Worker) waitForUnread(ctx context.Context, p *ledger.Package, n int) error {
	if !p.Filed {
		if err := w.Queue.Put(ctx, KindReceipt, p.ID, 0, When{}); err != nil {
			return err
		}
	}
	return unreadLater(unreadPause, n)
}

// sessionRefused handles a session that ended in an error. Its list is read first all the same: an
// invoice that says 200 in it is accepted, whatever the session says.
func (w *Worker) sessionRefused(ctx context.Context, t Transport, p *ledger.Package, info ksef.SessionInfo) error {
	status := info.Status
	if err := w.settleRefused(ctx, t, p, info); err != nil {
		return err
	}
	reason := fmt.Sprintf("session ended with %d %s", status.Code, status.Description)
	left, unread, err := w.undecided(ctx, p)
	if err != nil {
		return err
	}
	if len(left) == 0 && len(unread) > 0 {
		return w.waitForUnread(ctx, p, len(unread))
	}
	if len(left) == 0 {
		if err := w.endProcessing(ctx, p, ledger.PackageSettled, status.Code, reason); err != nil {
			return err
		}
		return w.Queue.Put(ctx, KindReceipt, p.ID, 0, When{})
	}
	if err := w.Ledger.MovePackage(ctx, p, ledger.PackageMove{Set: []ledger.Set{{Field: "code", Value: status.Code}}}); err != nil {
		return err
	}
	if p.Lane == ledger.Express {
		t.Invalidate() // bulk does it in newSession
		if err := w.unheard(ctx, p, left, status.Code, reason); err != nil {
			return err
		}
		// One that its sender moved in between, from sending to sent, is still here: the package must
		// not end without it.
		if left, _, err = w.undecided(ctx, p); err != nil {
			return err
		}
		if len(left) > 0 {
			return later(time.Second, retry.ReasonOther, fmt.Sprintf("%d invoices of the session moved meanwhile", len(left)))
		}
		return w.endRefused(ctx, p, status.Code, reason)
	}
	if status.Code == ksef.BatchSessionTooManyInvoices {
		return w.halve(ctx, p, p.Refusals, status.Code, reason)
	}
	return w.newSession(ctx, t, p, status.Code, reason)
}

// settleRefused writes what a refused session's list says of single invoices. After it, what the
// package still holds is proven not to be in KSeF; an error that asks to wait says that it is not yet.
func (w *Worker) settleRefused(ctx context.Context, t Transport, p *ledger.Package, session ksef.SessionInfo) error {
	infos, err := w.listOf(ctx, t, p)
	if err != nil {
		return err
	}
	a, err := w.account(ctx, p, session, infos)
	if err != nil {
		return err
	}
	var sick error
	if p.Lane == ledger.Express {
		sick = w.askEach(ctx, t, p, &a)
	}
	b := w.newBatch(p)
	var unclear []pairing
	for _, pair := range a.pairs {
		if !holds(p, pair.inv) {
			continue
		}
		switch outcome := judgeInvoice(pair.info.Status); {
		case pair.info.Unreadable != "", outcome == outcomeWait, outcome == outcomeAccept && wrongNumber(pair.inv, pair.info.KSeFNumber) != "":
			unclear = append(unclear, pair)
		case outcome.decided():
			b.add(pair.inv, pair.info)
		}
	}
	open, err := w.refusedOpen(ctx, t, b, a, unclear, sick)
	if err != nil {
		return err
	}
	if err := w.denied(ctx, b); err != nil {
		return err
	}
	conflicts, err := b.write(ctx)
	if err != nil {
		return err
	}
	if conflicts > 0 { // what has its answer is not yet written, so it is no proof that the package still holds it
		return w.lookLater(p, fmt.Sprintf("%d invoices moved meanwhile", conflicts))
	}
	if len(open) > 0 {
		if err := w.awaitProof(ctx, p, open, a); err != nil {
			return err
		}
	}
	left, _, err := w.undecided(ctx, p)
	if err != nil {
		return err
	}
	return notYet(w.recover(ctx, t, p, left))
}

// refusedOpen asks the receipt of a refused session, which names content: there is none of a session
// that came to nothing. It accepts what the receipt has and returns what nothing proves anything
// about. That the receipt cannot be asked for now keeps back only what it could tell of: a session that
// KSeF refused for a reason of its own, and of which its list has no acceptance, has none.
func (w *Worker) refusedOpen(ctx context.Context, t Transport, b *batch, a account, unclear []pairing, sick error) ([]*ledger.Invoice, error) {
	var open []*ledger.Invoice
	missing := a.missing(b.p)
	if len(missing)+len(unclear) == 0 {
		return nil, nil
	}
	receipt, err := w.arbiter(ctx, t, b.p)
	meaning := ksef.BatchSessionMeaning
	if b.p.Lane == ledger.Express {
		meaning = ksef.OnlineSessionMeaning
	}
	_, known := meaning(a.session.Status.Code)
	if doubtful := !known || a.session.Status.SendAgain() || a.listedDone() > 0; err != nil && doubtful {
		return nil, err
	}
	missing, unclear = b.attested(receipt, &a, missing, unclear)
	if a.covered(receipt) {
		return nil, nil // what the receipt does not have was not accepted
	}
	for _, pair := range unclear {
		open = append(open, pair.inv)
	}
	if sick != nil || len(receipt.Lines) > 0 || !a.provesRefusal() {
		open = append(open, missing...)
	}
	return open, nil
}

// endRefused ends a refused package that nothing undecided is left in.
func (w *Worker) endRefused(ctx context.Context, p *ledger.Package, code int, reason string) error {
	end, err := w.endOf(ctx, p, 0)
	if err != nil {
		return err
	}
	if end == "" {
		return w.waitForUnread(ctx, p, 1)
	}
	if err := w.endProcessing(ctx, p, end, code, reason); err != nil {
		return err
	}
	if end != ledger.PackageSettled {
		return nil
	}
	return w.Queue.Put(ctx, KindReceipt, p.ID, 0, When{})
}
