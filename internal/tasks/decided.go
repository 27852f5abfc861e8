package tasks

import (
	"context"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/settlement"
)

// Decided says that an invoice was accepted, rejected or parked.
type Decided struct {
	Tenant string
	State  ledger.State
	At     time.Time
	// Took is the time from the intake of the invoice to its KSeF number. It is 0 for an invoice
	// without a number, for one that KSeF had before, and for one whose intake has no known time.
	Took time.Duration
}

// tellDecided tells the observer about the moves that decided an invoice. The argument made has the
// result of each move.
func (w *writer) tellDecided(ctx context.Context, moves []settlement.Move, made []ledger.Moved) {
	if w.o.Decided == nil {
		return
	}
	var all []Decided
	now := w.o.Now()
	for i, m := range moves {
		if made[i].Conflict != nil {
			continue
		}
		d := Decided{Tenant: m.Invoice.Tenant, At: now}
		switch m.Fate {
		case settlement.Accept:
			d.State = ledger.Accepted
			if taken := m.Invoice.CreatedAt.Time(); !m.Accepted.Recovered && !taken.IsZero() {
				at := now
				if !m.Accepted.At.IsZero() && m.Accepted.At.Before(now) {
					at = m.Accepted.At
				}
				d.Took = max(at.Sub(taken), time.Millisecond)
			}
		case settlement.Reject:
			d.State = ledger.Rejected
		case settlement.Park:
			d.State = ledger.Parked
		default:
			continue
		}
		all = append(all, d)
	}
	if len(all) > 0 {
		w.o.Decided(ctx, all)
	}
}
