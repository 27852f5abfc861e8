package tasks

import (
	"context"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

// proofPatience is how long a session's own list and receipt are asked again for what they do not
// account for. After it KSeF's register is looked through.
const proofPatience = 30 * time.Minute

// awaitProof keeps invoices where they are of which nothing proves what became of them. It returns an
// error that asks to come back, or nil when the time is over: then they are marked for the register.
func (w *Worker) awaitProof(ctx context.Context, p *ledger.Package, invs []*ledger.Invoice, a account) error {
	now := w.o.Now()
	if p.Doubt == 0 {
		// First: cut off between the two, the wait would be one that nobody is told of.
		if err := w.noteAll(ctx, invs, because(0, unprovenReason(a))...); err != nil {
			return err
		}
		if err := w.Ledger.MovePackage(ctx, p, ledger.PackageMove{Set: []ledger.Set{{Field: "doubt", Value: ledger.At(now)}}}); err != nil {
			return err
		}
		p.Doubt = ledger.At(now)
		w.o.Log.Warn().Str("package", p.ID).Str("session", p.Session).Int("invoices", len(invs)).Int("listed", a.entries).Int("counted", a.session.InvoiceCount).
			Msg("the session does not account for every invoice: nothing is sent again, it is asked again")
	}
	if now.Sub(p.Doubt.Time()) < proofPatience {
		return w.lookLater(p, "the session does not account for every invoice")
	}
	return w.noteAll(ctx, invs, ledger.Set{Field: "orig_session", Value: p.Session}, ledger.Set{Field: "orig_by", Value: bySearch})
}

// noteAll writes fields of invoices and leaves them where they are. One that somebody moved meanwhile
// is left to whoever did.
func (w *Worker) noteAll(ctx context.Context, invs []*ledger.Invoice, set ...ledger.Set) error {
	moves := make([]ledger.Move, len(invs))
	for i, inv := range invs {
		moves[i] = ledger.Move{ID: inv.ID, From: []ledger.State{inv.State}, In: inv.Package, Set: set}
	}
	_, err := w.Ledger.Apply(ctx, moves)
	return err
}

// noteThrough remembers that a package of the tenant went through: it shows that KSeF takes sessions
// at present.
func (w *Worker) noteThrough(ctx context.Context, p *ledger.Package) error {
	if p.Lane != ledger.Bulk {
		return nil
	}
	return w.Ledger.NoteThrough(ctx, p.Tenant, p.ClosingAt)
}

// isSuccess reports an answer that shows that KSeF lets the tenant in.
func isSuccess(code int) bool { return code == ksef.InvoiceAccepted || code == ksef.InvoiceDuplicate }
