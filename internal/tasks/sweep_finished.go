package tasks

import (
	"context"
	"slices"
	"time"

	"ksefworker/internal/ledger"
)

const (
	// finishedAtOnce is how many invoices of each finished state one round reads. A million of them
	// are read in a little more than three hours.
	finishedAtOnce = 5000
	// finishedPage is how many of them one step reads. One step takes Redis about two milliseconds.
	finishedPage = 1000
	// finishedPackagesAtOnce is how many packages of each finished state one round reads.
	finishedPackagesAtOnce = 200
)

// finishedStates are the states in which nothing is left to do, so that no other part of the sweep
// reads their invoices. Accepted invoices are among them, because their packages look after them.
var finishedStates = []ledger.State{ledger.Receipted, ledger.Accepted, ledger.Dismissed, ledger.Superseded}

// sweepFinished reads the entries of invoices and packages that are finished, and notes those that
// cannot be read or are gone. Without this, nobody might read such an entry for months. Each round
// goes on where the last one stopped.
func (sw *sweeper) sweepFinished(ctx context.Context) error {
	var f faults
	for _, s := range finishedStates {
		if f.add(sw.readFinished(ctx, s)) {
			return f.err()
		}
	}
	for _, s := range finishedPackageStates() {
		ids, err := sw.Ledger.NextPackages(ctx, s, time.Time{}, finishedPackagesAtOnce)
		if err == nil {
			_, err = sw.packages(ctx, ids)
		}
		if f.add(err) {
			return f.err()
		}
	}
	return f.err()
}

func (sw *sweeper) readFinished(ctx context.Context, s ledger.State) error {
	for range finishedAtOnce / finishedPage {
		ids, err := sw.Ledger.NextInvoices(ctx, s, time.Time{}, finishedPage)
		if err != nil {
			return err
		}
		if err := lookAtFinished(ctx, sw, ids); err != nil {
			return err
		}
		if len(ids) < finishedPage {
			return nil
		}
	}
	return nil
}

// goneEvery is how often the log names an entry that is gone, as long as an index still names the
// entry.
const goneEvery = 24 * time.Hour

// lookAtFinished notes the entries that cannot be read or are gone. The sweep removes the note of
// an entry that is gone, because such an entry cannot become readable, and the next read notes it
// again. So the log names the entry once a day, and not whenever it is noted.
func lookAtFinished(ctx context.Context, sw *sweeper, ids []string) error {
	invs, err := sw.Ledger.Listed(ctx, ids)
	unread, err := ledger.Skip(err)
	if err != nil {
		return err
	}
	sw.noteUnread(ctx, unread)
	seen := map[string]bool{}
	for i := range invs {
		seen[invs[i].ID] = true
	}
	gone := missing("inv:", ids, seen, unread)
	_, err = sw.Ledger.NoteUnreadable(ctx, gone)
	for _, u := range gone {
		if sw.rarely.dueEvery(goneEvery, "gone "+u.ID, sw.o.Now()) {
			sw.o.Log.Error().Str("id", u.ID).Str("key", u.Key).Err(u.Err).
				Msg("the entry of a finished invoice is gone: lists leave it out; look for it in the archive")
		}
	}
	return err
}

// finishedPackageStates returns the states whose packages no other part of the sweep reads.
func finishedPackageStates() []ledger.PackageState {
	return slices.DeleteFunc(ledger.PackageStates(), func(s ledger.PackageState) bool {
		return slices.ContainsFunc(sweptPackages, func(p sweptState) bool { return p.state == s })
	})
}
