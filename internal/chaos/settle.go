//go:build unix

package chaos

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"ksefworker/internal/ledger"
)

// settle waits until the ledger has nothing left to drive on. That is only when to look: what is judged are the books.
func (r *run) settle(ctx context.Context) error {
	deadline := time.Now().Add(r.o.Patience)
	for {
		counts, err := r.base.Ledger.Counts(ctx)
		moving := int64(0)
		for s, n := range counts {
			switch ledger.State(s) {
			case ledger.Receipted, ledger.Rejected, ledger.Parked, ledger.Dismissed, ledger.Superseded:
			default:
				moving += n - r.planted().count(ledger.State(s))
			}
		}
		if err == nil && moving == 0 && r.resting(ctx) {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("after %v the invoices are %v%s", r.o.Patience, counts, r.stuck(ctx))
		}
		if err := r.until(ctx, time.Since(r.began)+200*time.Millisecond); err != nil {
			return err
		}
	}
}

// resting reports whether every settled package is archived: a rejected invoice is final before its result document is written.
func (r *run) resting(ctx context.Context) bool {
	for _, s := range ledger.PackageStates() {
		if !s.Live() {
			continue
		}
		ids, err := r.base.Ledger.PackagesInState(ctx, s, time.Time{}, time.Time{}, 100)
		if err != nil {
			return false
		}
		for _, id := range ids {
			if r.planted().is(id) {
				continue
			}
			p, err := r.base.Ledger.Package(ctx, id)
			if err != nil || p.Count > 0 {
				return false
			}
		}
	}
	return true
}

// stuck tells about some invoices that have no end.
func (r *run) stuck(ctx context.Context) string {
	text := ""
	for _, s := range ledger.States() {
		switch s {
		case ledger.Receipted, ledger.Rejected, ledger.Parked, ledger.Dismissed, ledger.Superseded:
			continue
		}
		ids, err := r.base.Ledger.InState(ctx, s, time.Time{}, time.Time{}, 5)
		if err != nil {
			return text + "; " + err.Error()
		}
		for _, id := range ids {
			inv, err := r.base.Ledger.Invoice(ctx, id)
			if err != nil {
				text += "\n  " + err.Error()
				continue
			}
			p, _ := r.base.Ledger.Package(ctx, inv.Package)
			text += fmt.Sprintf("\n  %s %s %s group %q lane %s resends %d code %d %q, package %s %s %s listed %v owner %s code %d %q session %s lost %d doubt %d", inv.ID, inv.Number, inv.State, inv.Group, inv.Lane,
				inv.Resends, inv.Code, inv.Reason, p.ID, p.Lane, p.State, p.Listed, p.Owner, p.Code, p.Reason, p.Session, p.Lost, p.Doubt)
			text += r.lastWords(id) + r.lastWords(p.ID)
		}
	}
	return text
}

// lastWords are the last lines that the workers' logs have about an entry.
func (r *run) lastWords(id string) string {
	const most = 3
	if id == "" {
		return ""
	}
	var lines []string
	for _, s := range r.seats {
		data, err := os.ReadFile(s.log)
		if err != nil {
			return "\n    " + err.Error()
		}
		for line := range strings.Lines(string(data)) {
			if strings.Contains(line, id) {
				lines = append(lines, strings.TrimSpace(line))
			}
		}
	}
	at := func(line string) string { // every line has its time
		_, after, _ := strings.Cut(line, `"time":"`)
		return after
	}
	slices.SortStableFunc(lines, func(a, b string) int { return strings.Compare(at(a), at(b)) })
	text := ""
	for _, line := range lines[max(0, len(lines)-most):] {
		text += "\n    " + line
	}
	return text
}
