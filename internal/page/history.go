package page

import (
	"cmp"
	"slices"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

// event is one step of an invoice that is on record.
type event struct {
	At   time.Time
	What string
	More string // a session, a number, who
}

// maxAudit is how many entries of the audit log are searched for one invoice.
const maxAudit = 2000

// history returns the steps that the ledger, the archive and the audit log know, the oldest first.
// The ledger keeps no log of every state: what is shown are the times that it needs for its work.
func (v *single) history(r *results.Result, inv *ledger.Invoice, pkg *ledger.Package) ([]event, error) {
	var all []event
	add := func(at time.Time, what, more string) {
		if !at.IsZero() {
			all = append(all, event{at, v.T(what), more})
		}
	}
	if inv != nil {
		add(inv.CreatedAt.Time(), "Handed in", inv.File)
		if pkg != nil {
			if pkg.Lane == ledger.Bulk {
				add(pkg.CreatedAt.Time(), "Put into a package", pkg.ID)
			}
			add(pkg.OpenedAt.Time(), "Session opened in KSeF", pkg.Session)
			add(pkg.ClosingAt.Time(), "Session closed", pkg.Session)
			add(pkg.SettledAt.Time(), "Outcome of the session read", pkg.Session)
		}
		if inv.State.InKSeF() {
			add(inv.AcceptedAt.Time(), "Accepted by KSeF", inv.KsefNumber)
		}
	}
	updated, _ := time.Parse(time.RFC3339, r.UpdatedAt) // for display
	if inv != nil {
		updated = inv.UpdatedAt.Time() // to the millisecond
	}
	last := v.words.State(r.State)
	if r.State != string(ledger.Accepted) {
		all = append(all, event{updated, v.T("Last change: %s", last), ""})
	}
	acts, err := v.acts(r.ID)
	if err != nil {
		return nil, err
	}
	all = append(all, acts...)
	all = slices.DeleteFunc(all, func(e event) bool { return e.At.IsZero() })
	slices.SortStableFunc(all, func(a, b event) int { return cmp.Or(a.At.Compare(b.At)) })
	return all, nil
}

// acts returns what people have done about an invoice.
func (v *single) acts(id string) ([]event, error) {
	if v.p.o.Audit == nil {
		return nil, nil
	}
	entries, _, err := v.p.o.Audit.Log.List(v.ctx(), "", time.Time{}, maxAudit)
	if err != nil {
		return nil, err
	}
	var all []event
	for _, e := range entries {
		if e.ID == id {
			all = append(all, event{e.At, v.words.Act(e), e.Who + " (" + e.Via + ")"})
		}
	}
	return all, nil
}
