package intake

import (
	"context"
	"fmt"
	"time"

	"ksefworker/internal/ledger"
)

// Entries is what Wait needs of [ledger.Ledger].
type Entries interface {
	Invoices(ctx context.Context, ids []string) ([]ledger.Invoice, error)
}

// WaitOptions say how patient [Wait] is. The zero value is ready for use.
type WaitOptions struct {
	// Receipt says that the receipt (UPO) of an accepted invoice is waited for as well. It comes when the
	// session is closed, minutes later; the invoice is KSeF's in any case.
	Receipt bool
	// Outage is how long Redis may fail before Wait gives up; 0 means 5 minutes. Nothing is lost meanwhile, only not seen.
	Outage time.Duration
	// Look is called after each look at the ledger, by the goroutine that called Wait; may be nil.
	Progress func(Standing)
	// Open is called likewise with some of the invoices that are not decided, those that were asked for
	// first; may be nil.
	Open func([]ledger.Invoice)
}

// openAtOnce is how many invoices Open is given.
const openAtOnce = 200

// Standing counts invoices that are waited for.
type Standing struct {
	Total, Accepted, Rejected, Parked int
	Ended                             int // dismissed or superseded
	// Err says that the ledger could not be read at this look; the counts are those of the one before.
	Err error
}

// Settled is how many have nothing left to wait for but their receipt.
func (s Standing) Settled() int { return s.Accepted + s.Rejected + s.Parked + s.Ended }

// How often the ledger is read: at once again while something happens, rarely while nothing does, and in any case so that looking takes a tenth of the time at
// most: ten thousand entries are megabytes, and Redis has better things to do.
const (
	lookSoonest = 200 * time.Millisecond
	lookLatest  = 5 * time.Second
	lookShare   = 10
)

// Wait looks at the ledger until every invoice is decided (see [ledger.State.Final]), gone or
// unreadable, and those that were accepted have their receipt if that is waited for. It returns the entries as last seen, by id, also with an
// error: ctx's, or that of a Redis that did not answer for too long.
func Wait(ctx context.Context, e Entries, ids []string, o WaitOptions) (map[string]ledger.Invoice, error) {
	if o.Outage <= 0 {
		o.Outage = 5 * time.Minute
	}
	if o.Progress == nil {
		o.Progress = func(Standing) {}
	}
	w := &wait{o: o, seen: make(map[string]ledger.Invoice, len(ids))}
	for _, id := range ids {
		if _, twice := w.seen[id]; !twice {
			w.seen[id] = ledger.Invoice{}
			w.pending = append(w.pending, id)
		}
	}
	w.standing.Total = len(w.pending)
	pause, failing := lookSoonest, time.Time{}
	for {
		began := time.Now()
		changed, err := w.look(ctx, e)
		w.standing.Err = err
		switch {
		case ctx.Err() != nil:
			return w.seen, ctx.Err()
		case err == nil:
			failing = time.Time{}
		case failing.IsZero():
			failing = began
		case began.Sub(failing) > o.Outage:
			return w.seen, fmt.Errorf("wait for outcomes: %w", err)
		}
		o.Progress(w.standing)
		if len(w.pending) == 0 {
			return w.seen, nil
		}
		if o.Open != nil && err == nil {
			o.Open(w.open())
		}
		if pause *= 2; changed {
			pause = lookSoonest
		}
		pause = min(max(pause, lookShare*time.Since(began)), lookLatest)
		select {
		case <-ctx.Done():
			return w.seen, ctx.Err()
		case <-time.After(pause):
		}
	}
}

type wait struct {
	o        WaitOptions
	pending  []string
	seen     map[string]ledger.Invoice
	standing Standing
}

// look reads what is pending, and reports whether anything moved.
func (w *wait) look(ctx context.Context, e Entries) (bool, error) {
	invs, err := e.Invoices(ctx, w.pending)
	unread, err := ledger.Skip(err)
	if err != nil {
		return false, err
	}
	for _, u := range unread { // it may stay so: to wait for it could be to wait for ever
		w.seen[u.ID] = ledger.Invoice{ID: u.ID, Reason: fmt.Sprintf("its entry in the ledger cannot be read: %v", u.Err)}
	}
	changed := false
	var left []string
	for i := range invs {
		inv := &invs[i]
		changed = changed || w.seen[inv.ID].Rev != inv.Rev
		w.seen[inv.ID] = *inv
		if w.waits(inv) {
			left = append(left, inv.ID)
		}
	}
	// What is no longer in the ledger is not among invs, and not waited for.
	w.pending = left
	w.count()
	return changed, nil
}

// open returns entries that are waited for.
func (w *wait) open() []ledger.Invoice {
	out := make([]ledger.Invoice, 0, min(len(w.pending), openAtOnce))
	for _, id := range w.pending[:cap(out)] {
		out = append(out, w.seen[id])
	}
	return out
}

func (w *wait) waits(inv *ledger.Invoice) bool {
	return !inv.State.Final() || w.o.Receipt && inv.State == ledger.Accepted
}

func (w *wait) count() {
	s := Standing{Total: w.standing.Total}
	for _, inv := range w.seen {
		switch inv.State {
		case ledger.Accepted, ledger.Receipted:
			s.Accepted++
		case ledger.Rejected:
			s.Rejected++
		case ledger.Parked:
			s.Parked++
		case ledger.Dismissed, ledger.Superseded:
			s.Ended++
		}
	}
	w.standing = s
}
