package tasks

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/rs/xid"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

// newSession puts the invoices of a package that KSeF refused as a whole into a new one, with a public
// key fetched again. After Options.Refusals such refusals it is either the package or KSeF. While
// others of the tenant go through it is the package: it is halved, and each half is halved again at
// its next refusal, so that one poisonous invoice among n is alone after about log2(n) steps and what
// is not at fault goes through on the way. While nothing else goes through, KSeF as likely refuses
// everybody: the package stays whole and is sent again after growing pauses (see probe.go).
func (w *Worker) newSession(ctx context.Context, t Transport, p *ledger.Package, code int, reason string) error {
	t.Invalidate()
	refusals, in := p.Refusals+1, time.Duration(0)
	if code == ksef.BatchSessionKeyNotDecrypted {
		// KSeF could not read the session's key, and so nothing of what is in the session: no invoice is at fault, and halving would find none.
		refusals = p.Refusals
		if p.Parent != "" {
			in = keyPause // the key that was fetched anew is no better
		}
	}
	if p.Unfinished {
		refusals = p.Refusals // parts were missing, most likely, by no fault of any invoice
	}
	w.o.Log.Warn().Str("package", p.ID).Str("session", p.Session).Int("code", code).Int("refusals", refusals).Str("reason", reason).
		Msg("session refused as a whole")
	if code != ksef.BatchSessionKeyNotDecrypted && !p.Unfinished {
		if err := w.Ledger.NoteRefused(ctx, p.Tenant, w.o.Now()); err != nil {
			return err
		}
	}
	ids, err := w.pendingIDs(ctx, p)
	if err != nil || len(ids) == 0 { // what cannot be read stays, see repack
		return err
	}
	if refusals < w.o.Refusals || p.Unfinished || code == ksef.BatchSessionKeyNotDecrypted {
		if p.Rest != "" { // a probe that proved nothing
			return w.rejoin(ctx, p, ids, reason)
		}
		return w.repack(ctx, p, reason, in, ledger.Part{Refusals: refusals, IDs: ids})
	}
	through, err := w.othersGoThrough(ctx, p)
	switch {
	case err != nil:
		return err
	case through, len(ids) == 1 && p.Rest == "" && refusals >= w.o.Refusals+aloneTries:
		return w.halve(ctx, p, w.o.Refusals-1, code, reason)
	case p.Rest != "":
		return w.rejoin(ctx, p, ids, reason)
	}
	return w.repack(ctx, p, reason, refusalPause(refusals-w.o.Refusals), ledger.Part{Refusals: refusals, IDs: ids})
}

// halve splits a package in two, or parks the invoice that is alone in it.
func (w *Worker) halve(ctx context.Context, p *ledger.Package, refusals, code int, reason string) error {
	ids, err := w.pendingIDs(ctx, p)
	if err != nil || len(ids) == 0 {
		return err
	}
	if len(ids) == 1 {
		inv, err := w.Ledger.Invoice(ctx, ids[0])
		if err != nil {
			return err
		}
		if err := w.park(ctx, &inv, code, fmt.Sprintf("KSeF refuses every session that contains it: %s; look at what is odd in it, correct it and hand it in again, or retry", reason)); err != nil {
			return err
		}
		return w.repack(ctx, p, reason, 0)
	}
	half := len(ids) / 2
	return w.repack(ctx, p, reason, 0, ledger.Part{Refusals: refusals, IDs: ids[:half]}, ledger.Part{Refusals: refusals, IDs: ids[half:]})
}

// keyPause is how long a package waits whose session key KSeF could not read for the second time.
const keyPause = time.Minute

// repack ends a package and puts what is undecided of it into new ones, which are sent after in.
func (w *Worker) repack(ctx context.Context, p *ledger.Package, reason string, in time.Duration, parts ...ledger.Part) error {
	leaving := 0
	for i := range parts {
		if parts[i].ID == "" {
			parts[i].ID = "pkg-" + xid.New().String()
		}
		leaving += len(parts[i].IDs)
		if in > 0 {
			parts[i].NotBefore = ledger.At(w.o.Now().Add(in))
		}
	}
	end, err := w.endOf(ctx, p, leaving)
	if err != nil {
		return err
	}
	if err := w.Ledger.Repack(ctx, p, end, reason, parts); err != nil {
		return err
	}
	for _, part := range parts {
		if len(part.IDs) == 0 {
			continue
		}
		if err := w.Queue.Put(ctx, KindPackage, part.ID, 0, When{In: in}); err != nil {
			return err // the sweep finds it
		}
	}
	if end == ledger.PackageSettled {
		return w.Queue.Put(ctx, KindReceipt, p.ID, 0, When{})
	}
	return nil
}

// endOf says how a package ends that went no further; "" when it does not end, because something
// undecided in it cannot be read. What was decided in it all the same, or parked because of it, is
// owed its papers: receipt, document, result. Only a package that nothing of it stays in is failed,
// or abandoned when close was never tried; any other is settled. leaving is how many of its
// invoices are about to leave.
func (w *Worker) endOf(ctx context.Context, p *ledger.Package, leaving int) (ledger.PackageState, error) {
	held, err := w.Ledger.Held(ctx, p.ID)
	unread, err := w.skip(ctx, err)
	switch {
	case err != nil:
		return "", err
	case slices.ContainsFunc(unread, ledger.Unreadable.Undecided):
		return "", nil
	case len(held)+len(unread) > leaving:
		return ledger.PackageSettled, nil
	case ledger.MayMovePackage(p.State, ledger.PackageAbandoned):
		return ledger.PackageAbandoned, nil
	}
	return ledger.PackageFailed, nil
}

// pending reads the invoices of a package whose outcome is not known yet. With a
// [*ledger.UnreadableError] those that could be read are returned, and named are those whose
// outcome may be open.
func (w *Worker) pending(ctx context.Context, p *ledger.Package) ([]ledger.Invoice, error) {
	held, err := w.Ledger.Held(ctx, p.ID)
	unread, err := ledger.Skip(err)
	if err != nil {
		return nil, err
	}
	pending := held[:0]
	for _, inv := range held {
		switch inv.State {
		case ledger.Packed, ledger.Sending, ledger.Unknown, ledger.Sent:
			pending = append(pending, inv)
		}
	}
	if unread = slices.DeleteFunc(unread, func(u ledger.Unreadable) bool { return !u.Undecided() }); len(unread) > 0 {
		return pending, &ledger.UnreadableError{Entries: unread}
	}
	return pending, nil
}

// pendingIDs names those of them that can be read.
func (w *Worker) pendingIDs(ctx context.Context, p *ledger.Package) ([]string, error) {
	invs, _, err := w.undecided(ctx, p)
	return idsOf(invs), err
}

func idsOf(invs []ledger.Invoice) []string {
	ids := make([]string, len(invs))
	for i := range invs {
		ids[i] = invs[i].ID
	}
	return ids
}
