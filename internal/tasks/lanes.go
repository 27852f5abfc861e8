package tasks

import (
	"context"
	"errors"
	"slices"
	"time"

	"ksefworker/internal/invoice"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/ratelimit"
	"ksefworker/internal/retry"
)

// cutExpress sends few invoices by the express lane when the lane's allowance permits that. It
// returns false when the allowance does not permit it, or when only a package will do.
func (l *laneChooser) cutExpress(ctx context.Context, set ledger.Waiting) (bool, error) {
	ids, err := l.Ledger.FirstWaiting(ctx, set.Group, set.Count)
	if err != nil {
		return false, err
	}
	invs, err := l.invoices(ctx, ids)
	if err != nil || len(invs) < len(ids) { // one is gone or cannot be read; cutting a package takes it out of the set
		return false, err
	}
	var moves []ledger.Move
	for i := range invs {
		// Offline is declared when a batch session is opened. An online session has no field for
		// that, and it takes no attachment.
		if invs[i].Attachment || invs[i].Offline || invs[i].Lane == ledger.Bulk {
			return false, nil
		}
		moves = append(moves, l.Ledger.ExpressMove(&invs[i]))
	}
	if fits, err := l.expressFits(ctx, invs); !fits || err != nil {
		return false, err
	}
	errs, err := l.Ledger.Apply(ctx, moves)
	if err != nil {
		return false, err
	}
	for i, e := range errs {
		if e != nil {
			continue // it left the set in between
		}
		if err := l.Queue.Put(ctx, queue.KindSend, invs[i].ID, invs[i].Rev+1, queue.When{Overflow: invs[i].Overflow}); err != nil {
			return true, err
		}
	}
	return true, nil
}

// expressGroups are the limit groups that a single send needs and a package does not.
var expressGroups = []string{string(ksef.GroupOnlineSession), string(ksef.GroupInvoiceSend)}

// sendGroups are all groups that a single send needs. They count even when this worker has a
// session open, or the public key in memory, because the worker that takes the send may have
// neither.
var sendGroups = append([]string{string(ksef.GroupPublicKey)}, expressGroups...)

// expressFits asks the limiter whether send could go on with these invoices if they were chosen for
// the express lane. It asks in the same way as send: about the same limits, with the same part left
// to others, and behind the same waitlist. A less strict check would choose the same invoices again
// and again, and send would return them each time.
func (l *laneChooser) expressFits(ctx context.Context, invs []ledger.Invoice) (bool, error) {
	asked := map[bool]bool{} // by urgency
	for _, inv := range invs {
		inv.Lane, inv.Chosen = ledger.Express, true
		urgent := l.urgent(inv.Deadline)
		if asked[urgent] {
			continue
		}
		asked[urgent] = true
		for _, group := range sendGroups {
			if free, err := l.couldGo(l.urgency(ctx, &inv), inv.Tenant, group); !free || err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

// couldGo reports whether a request of the group could be made now. It joins the waitlist and
// leaves it again, because no task comes back for this place. During an outage that also concerns
// packages, it returns true, because a package would be no sooner.
func (l *laneChooser) couldGo(ctx context.Context, tenant, group string) (bool, error) {
	err := l.Budget.Join(ctx, tenant, group)
	l.warn(ctx, "leave the waitlist of single sends", l.Budget.Leave(ctx, tenant, group))
	notNow, full := errors.AsType[*ratelimit.NotNow](err)
	if full && notNow.Reason == ratelimit.ReasonOutage {
		up, err := l.packagesUp(ctx, tenant)
		return !up && err == nil, err
	}
	if full {
		return false, nil
	}
	if retry.Judge(err).Reason == retry.ReasonLocal {
		return true, nil // a fault of this worker alone: another worker can send, and the allowance is not at fault
	}
	return err == nil, err
}

// packagesUp reports whether, as far as is known, everything that a package needs is in service.
func (l *laneChooser) packagesUp(ctx context.Context, tenant string) (bool, error) {
	if down, err := l.Budget.Down(ctx, tenant, bulkGroups...); down || err != nil {
		return false, err
	}
	down, err := l.partStoreDown(ctx, tenant)
	return !down && err == nil, err
}

// sooner reports whether a package takes an invoice to KSeF before its turn in the express lane. An
// invoice that the worker chose for express goes back to its waiting set when its turn is further
// away than the longest wait for a package. It also goes back when single sends alone are out of
// service. An invoice for which a person asked for express keeps its lane, unless its turn would
// come after its legal deadline.
func (l *laneChooser) sooner(ctx context.Context, inv *ledger.Invoice, turn *ratelimit.NotNow) (bool, error) {
	switch group := turn.Key.Group; {
	case inv.Corrects != "":
		return false, nil // KSeF takes a technical correction in an online session only
	case group != "" && !slices.Contains(expressGroups, group):
		return false, nil // public key or limit of the whole tenant, for which a package waits as well
	case inv.Chosen && turn.Reason == ratelimit.ReasonOutage:
		// While the gateway is down a package would be no sooner, and the tenant's single sends
		// find out when it is back. While single sends alone are out of service, a package is
		// sooner.
		return l.packagesUp(ctx, inv.Tenant)
	case inv.Chosen:
		return turn.Wait > l.o.MaxWait, nil
	case !l.late(inv, turn):
		return false, nil
	}
	session, err := l.Budget.Peek(ctx, inv.Tenant, string(ksef.GroupBatchSession))
	switch {
	case err != nil:
		return false, err
	case turn.Reason == ratelimit.ReasonOutage && session > turn.Wait:
		return false, nil // this send asks again before a session is free
	case turn.Reason == ratelimit.ReasonOutage:
		return l.packagesUp(ctx, inv.Tenant)
	}
	// An invoice whose deadline is near waits in the set for more invoices no longer than
	// MaxWait/urgentPart. After that it waits for a session. An invoice whose deadline is not near
	// may wait longer in the set. But its turn comes after its deadline, so the turn is even
	// further away, and the package is still sooner.
	return turn.Wait > l.o.MaxWait/urgentPart+session, nil
}

// late reports whether an invoice's turn in the express lane would come after its legal deadline.
// During an outage the turn comes with the next probe, and nobody knows whether that probe ends the
// outage. So during an outage the invoice counts as late if a package that begins to wait at the
// time of the next probe would be late.
func (l *laneChooser) late(inv *ledger.Invoice, turn *ratelimit.NotNow) bool {
	at := l.o.Now().Add(turn.Wait)
	if turn.Reason == ratelimit.ReasonOutage {
		at = at.Add(l.o.MaxWait)
	}
	return inv.Deadline != 0 && at.After(inv.Deadline.Time())
}

// toPackage takes an invoice out of the express lane.
func (l *laneChooser) toPackage(ctx context.Context, inv *ledger.Invoice, turn *ratelimit.NotNow) error {
	l.leaveSends(ctx, inv)
	if inv.Chosen {
		return l.Ledger.BackToWaiting(ctx, inv)
	}
	at := l.o.Now().Add(turn.Wait).In(invoice.Warsaw()).Format("2006-01-02 15:04")
	reason := "goes by bulk: its turn in the express lane would have come at " + at + ", after its legal deadline"
	if turn.Reason == ratelimit.ReasonOutage {
		reason = "goes by bulk: single sends are out of service, and it would miss its legal deadline, or has missed it"
	}
	l.o.Log.Warn().Str("id", inv.ID).Stringer("turn", turn.Wait.Round(time.Millisecond)).Time("deadline", inv.Deadline.Time()).
		Str("why", string(turn.Reason)).Msg("express invoice goes by bulk: its turn would come after its legal deadline")
	return l.Ledger.Move(ctx, ledger.Move{ID: inv.ID, Rev: inv.Rev, From: []ledger.State{ledger.Queued}, To: ledger.Queued,
		Group: inv.WaitingGroup().Name(),
		Edit:  ledger.Because(0, reason).InLane(ledger.Bulk)})
}
