package page

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"ksefworker/internal/audit"
	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

// event is one recorded step of an invoice.
type event struct {
	At   time.Time
	What string
	More string // a session, a number or a person
}

const (
	// maxAudit is how many entries of the audit log are searched for one invoice.
	maxAudit = 2000
	// maxParents is how many packages the history shows, including the present one.
	maxParents = 8
)

// history returns the steps that the ledger, the archive and the audit log know, the oldest first.
// The ledger does not log every state, so history shows the times that the ledger keeps for its own
// work. They are the times of the invoice, of the package that holds it, and of the packages from
// which that package was made.
func (v *single) history(r *results.Result, inv *ledger.Invoice, pkg *ledger.Package) ([]event, error) {
	var all []event
	add := func(at time.Time, what, more string) {
		if !at.IsZero() {
			all = append(all, event{at, v.T(what), more})
		}
	}
	if inv != nil {
		add(inv.CreatedAt.Time(), "Handed in", inv.File)
		add(inv.Denied.Time(), "KSeF refused the tenant's permissions (410)", "")
		packages, err := v.packages(pkg)
		if err != nil {
			return nil, err
		}
		for _, p := range packages {
			if p.Lane == ledger.Bulk {
				add(p.CreatedAt.Time(), "Put into a package", p.ID)
			}
			add(p.OpenedAt.Time(), "Session opened in KSeF", p.Session)
			add(p.ClosingAt.Time(), "Session closed", p.Session)
			add(p.SettledAt.Time(), "Outcome of the session read", v.codeOf(p))
			switch p.State {
			case ledger.PackageFailed:
				add(p.UpdatedAt.Time(), "The session failed as a whole", v.codeOf(p))
			case ledger.PackageAbandoned:
				add(p.UpdatedAt.Time(), "The package was given up before it was closed", p.ID)
			}
		}
		if inv.State.InKSeF() {
			what := "Accepted by KSeF"
			if inv.Recovered {
				what = "Accepted by KSeF earlier; found again"
			}
			add(inv.AcceptedAt.Time(), what, inv.KsefNumber)
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
	slices.SortStableFunc(all, func(a, b event) int { return a.At.Compare(b.At) })
	return all, nil
}

// codeOf returns the session of a package, with the last code of KSeF about it in parentheses.
func (v *single) codeOf(p ledger.Package) string {
	s := p.Session
	if p.Code != 0 {
		s = strings.TrimSpace(fmt.Sprintf("%s (%d)", s, p.Code))
	}
	return s
}

// packages returns p, which holds an invoice, and the packages from which p was made, the oldest
// first. It returns up to maxParents packages. Packages that are forgotten or cannot be read, and
// those before them, are left out.
func (v *single) packages(p *ledger.Package) ([]ledger.Package, error) {
	var all []ledger.Package
	for p != nil && len(all) < maxParents {
		all = append(all, *p)
		if p.Parent == "" {
			break
		}
		parent, err := v.p.o.Ledger.Package(v.ctx(), p.Parent)
		if unread, rest := ledger.Skip(err); len(unread) > 0 || errors.Is(rest, ledger.ErrNotFound) {
			break
		} else if rest != nil {
			return nil, rest
		}
		p = &parent
	}
	slices.Reverse(all)
	return all, nil
}

// acts returns what people have done about an invoice.
func (v *single) acts(id string) ([]event, error) {
	if v.p.o.Audit == nil {
		return nil, nil
	}
	entries, _, err := v.p.o.Audit.Log.List(v.ctx(), "", time.Time{}, maxAudit)
	if _, sick := errors.AsType[*audit.SickError](err); sick { // people who try to act are told that the log is damaged
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []event
	for _, e := range entries {
		if e.ID == id || strings.HasSuffix(e.ID, " "+id) { // the id names a receiver and an invoice
			all = append(all, event{e.At, v.words.Act(e), e.Who + " (" + v.words.Via(e.Via) + ")"})
		}
	}
	return all, nil
}
