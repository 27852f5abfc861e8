package intake

import (
	"context"
	"fmt"
	"time"

	"ksefworker/internal/ledger"
)

// Entries is the part of [ledger.Ledger] that Wait needs.
type Entries interface {
	Invoices(ctx context.Context, ids []string) ([]ledger.Invoice, error)
}

// WaitOptions are the options of [Wait]. The zero value is ready for use.
type WaitOptions struct {
	// Receipt makes Wait wait for the receipt (UPO) of an accepted invoice as well. The receipt
	// comes when the session is closed, minutes later; KSeF has the invoice in any case.
	Receipt bool
	// Outage is how long Redis may fail before Wait gives up; 0 means 5 minutes. Invoices survive
	// an outage, but Wait cannot see their outcomes meanwhile.
	Outage time.Duration
	// Progress is called after each poll of the ledger, even a failed one, in the goroutine that
	// called Wait. It may be nil.
	Progress func(Standing)
	// Open is called after each successful poll that leaves invoices to wait for. It gets the first
	// 200 of them, in the order in which they were named. It may be nil.
	Open func([]ledger.Invoice)
}

// maxOpen is the largest number of invoices that Open gets.
const maxOpen = 200

// Standing counts the invoices of one [Wait] by outcome.
type Standing struct {
	Total, Accepted, Rejected, Parked int
	Ended                             int // dismissed or superseded
	// Err says that this poll could not read the ledger. The counts are then those of the poll
	// before.
	Err error
}

// Decided returns how many invoices have one of these outcomes. Accepted ones may still wait for
// their receipt.
func (s Standing) Decided() int { return s.Accepted + s.Rejected + s.Parked + s.Ended }

// The pause between two polls is short while entries change, and grows while they do not. The pause
// is pollShare times as long as the poll took, or longer, because ten thousand entries are
// megabytes and Redis has other work to do. In any case it is at most maxPause.
const (
	minPause  = 200 * time.Millisecond
	maxPause  = 5 * time.Second
	pollShare = 10
)

// Wait polls the ledger until every invoice is decided (see [ledger.State.Final]), missing or
// unreadable. With o.Receipt, accepted invoices must have their receipt as well. It returns the
// entries as last read, by id, also when it returns an error. The error is that of ctx, or that of
// Redis when Redis failed for longer than o.Outage.
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
	pause, failing := minPause, time.Time{}
	for {
		began := time.Now()
		changed, err := w.poll(ctx, e)
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
			pause = minPause
		}
		pause = min(max(pause, pollShare*time.Since(began)), maxPause)
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

// poll reads the pending entries, and reports whether any has changed.
func (w *wait) poll(ctx context.Context, e Entries) (bool, error) {
	invs, err := e.Invoices(ctx, w.pending)
	unread, err := ledger.Skip(err)
	if err != nil {
		return false, err
	}
	for _, u := range unread { // it may never become readable, so Wait does not wait for it
		reason := fmt.Sprintf("its entry in the ledger cannot be read: %v", u.Err)
		w.seen[u.ID] = ledger.Invoice{Facts: ledger.Facts{ID: u.ID}, Reason: reason}
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
	// An entry that has left the ledger is not among invs, so Wait does not wait for it.
	w.pending = left
	w.count()
	return changed, nil
}

// open returns the first entries that are still pending.
func (w *wait) open() []ledger.Invoice {
	out := make([]ledger.Invoice, 0, min(len(w.pending), maxOpen))
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
