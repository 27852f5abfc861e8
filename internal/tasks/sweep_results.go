package tasks

import (
	"context"
	"errors"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/retry"
)

const (
	// resultsLook is how many owed results one round looks at, those that a package will bring
	// included; the next round goes on from there.
	resultsLook = 5000
	// resultsWrite is how many one round writes.
	resultsWrite = 500
)

// sweepResults brings the results of invoices that ended outside of a package, or whose package
// ended without them, to the archive. It stops at the first fault of the archive and never waits
// for a place: the next round goes on.
func (w *Worker) sweepResults(ctx context.Context, before time.Time) error {
	if w.archiveWell() != nil {
		return nil
	}
	from := w.owedFrom.Load()
	ids, err := w.Ledger.PendingResults(ctx, before, int(from), resultsLook)
	if err != nil {
		return err
	}
	// What was left where it is stays before the place at which the next round begins; after the
	// last of them it begins anew.
	looked, skipped := 0, int64(0)
	defer func() {
		if from += skipped; looked == len(ids) && looked < resultsLook {
			from = 0
		}
		w.owedFrom.Store(from)
	}()
	live, written := map[string]bool{}, 0
	for ; looked < len(ids); looked++ {
		id := ids[looked]
		inv, err := w.Ledger.Invoice(ctx, id)
		unread, err := w.skip(ctx, err)
		if len(unread) > 0 || errors.Is(err, ledger.ErrNotFound) {
			skipped++
			continue
		}
		if err != nil {
			return err
		}
		waits, err := w.broughtByPackage(ctx, &inv, live)
		if err != nil {
			return err
		}
		if waits {
			skipped++
			continue
		}
		if written++; written > resultsWrite {
			break
		}
		if err := w.result(ctx, inv); err != nil {
			var busy *retry.LaterError
			if errors.As(err, &busy) && busy.Reason == retry.ReasonLimit {
				return nil
			}
			if w.givesUp(ctx) {
				return err
			}
			skipped++
			w.warn(ctx, "write a result to the archive", err)
		}
	}
	return nil
}

// broughtByPackage reports whether a package still holds the invoice and will bring its result.
func (w *Worker) broughtByPackage(ctx context.Context, inv *ledger.Invoice, live map[string]bool) (bool, error) {
	if inv.Package == "" {
		return false, nil
	}
	if known, ok := live[inv.Package]; ok {
		return known, nil
	}
	p, err := w.Ledger.Package(ctx, inv.Package)
	unread, err := w.skip(ctx, err)
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return false, err
	}
	// One that cannot be read may be alive.
	live[inv.Package] = len(unread) > 0 || err == nil && p.State.Live()
	return live[inv.Package], nil
}

// result writes document and result of one invoice that has ended, and strikes it off what is owed.
func (w *Worker) result(ctx context.Context, inv ledger.Invoice) error {
	if !inv.State.Ended() {
		return nil // it moved on meanwhile
	}
	return w.lookup(inv.Tenant, func() error {
		docs, _, err := w.documents(ctx, []ledger.Invoice{inv})
		if err != nil {
			return err
		}
		one := &file{inv: inv, was: inv}
		if err := w.archiveOne(ctx, one, docs[0]); err != nil {
			return err
		}
		if err := w.Store.Flush(ctx, one.names...); err != nil {
			return err
		}
		return w.Ledger.ResultsKept(ctx, []ledger.Invoice{inv})
	})
}
