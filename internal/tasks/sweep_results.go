package tasks

import (
	"context"
	"errors"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/retry"
)

const (
	// maxResultChecks is how many pending results one round checks, including those that a package
	// will bring. The next round begins behind them.
	maxResultChecks = 5000
	// maxResultWrites is how many results one round writes.
	maxResultWrites = 500
)

// sweepResults writes to the archive the results that no package brings. Either the invoice ended
// outside of a package, or its package ended without the result. sweepResults stops when the
// archive is out of service. It never waits for a place in the archive, because the next round goes
// on.
func (sw *sweeper) sweepResults(ctx context.Context, before time.Time) error {
	if sw.archiving.archiveWell() != nil {
		return nil
	}
	from := sw.pendingResultsFrom.Load()
	ids, err := sw.Ledger.PendingResults(ctx, before, int(from), maxResultChecks)
	if err != nil {
		return err
	}
	// The skipped results stay in the list, before the place at which the next round begins. After
	// the last result, the next round begins at the start of the list again.
	checked, skipped := 0, int64(0)
	defer func() {
		if from += skipped; checked == len(ids) && checked < maxResultChecks {
			from = 0
		}
		sw.pendingResultsFrom.Store(from)
	}()
	live, written := map[string]bool{}, 0
	for ; checked < len(ids); checked++ {
		id := ids[checked]
		inv, err := sw.Ledger.Invoice(ctx, id)
		unread, err := sw.skip(ctx, err)
		if len(unread) > 0 || errors.Is(err, ledger.ErrNotFound) {
			skipped++
			continue
		}
		if err != nil {
			return err
		}
		waits, err := sw.broughtByPackage(ctx, &inv, live)
		if err != nil {
			return err
		}
		if waits {
			skipped++
			continue
		}
		if written++; written > maxResultWrites {
			break
		}
		if err := sw.archivist.result(ctx, inv); err != nil {
			var busy *retry.LaterError
			if errors.As(err, &busy) && busy.Reason == retry.ReasonLimit {
				return nil
			}
			if sw.archiving.givesUp(ctx) {
				return err
			}
			skipped++
			sw.warn(ctx, "write a result to the archive", err)
		}
	}
	return nil
}

// broughtByPackage reports whether a package still holds the invoice and will bring its result.
func (sw *sweeper) broughtByPackage(ctx context.Context, inv *ledger.Invoice, live map[string]bool) (bool, error) {
	if inv.Package == "" {
		return false, nil
	}
	if known, ok := live[inv.Package]; ok {
		return known, nil
	}
	p, err := sw.Ledger.Package(ctx, inv.Package)
	unread, err := sw.skip(ctx, err)
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return false, err
	}
	// A package that cannot be read may be alive.
	live[inv.Package] = len(unread) > 0 || err == nil && p.State.Live()
	return live[inv.Package], nil
}

// result writes the document and the result of one invoice that has ended, and removes it from the
// pending results.
func (ar *archivist) result(ctx context.Context, inv ledger.Invoice) error {
	if !inv.State.Ended() {
		return nil // it moved on meanwhile
	}
	return ar.archiving.lookup(inv.Tenant, func() error {
		docs, _, err := ar.documents.documents(ctx, []ledger.Invoice{inv})
		if err != nil {
			return err
		}
		one := &file{inv: inv, was: inv}
		if err := ar.archiveOne(ctx, one, docs[0]); err != nil {
			return err
		}
		if err := ar.Store.Flush(ctx, one.names...); err != nil {
			return err
		}
		return ar.Ledger.ResultsKept(ctx, []ledger.Invoice{inv})
	})
}
