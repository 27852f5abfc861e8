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

// awaitEnd waits until every invoice in the ledger has its end and every package is archived. Its
// error after [Options].Patience describes some of the unfinished invoices.
func (r *run) awaitEnd(ctx context.Context) error {
	deadline := time.Now().Add(r.o.Patience)
	for {
		counts, err := r.controller.Ledger.Counts(ctx)
		moving := int64(0)
		for s, n := range counts {
			if !ended(ledger.State(s)) {
				moving += n - r.planted().count(ledger.State(s))
			}
		}
		if err == nil && moving == 0 && r.packagesDone(ctx) {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("after %v the invoices are %v%s", r.o.Patience, counts, r.unfinished(ctx))
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
}

// ended reports whether nobody works on an invoice in this state any more.
func ended(s ledger.State) bool {
	switch s {
	case ledger.Receipted, ledger.Rejected, ledger.Parked, ledger.Dismissed, ledger.Superseded:
		return true
	}
	return false
}

// packagesDone reports whether every package is archived. It looks at the packages, because a
// rejected invoice is final before its result is written.
func (r *run) packagesDone(ctx context.Context) bool {
	for _, s := range ledger.PackageStates() {
		if !s.Live() {
			continue
		}
		ids, err := r.controller.Ledger.PackagesInState(ctx, s, time.Time{}, time.Time{}, 100)
		if err != nil {
			return false
		}
		for _, id := range ids {
			if r.planted().has(id) {
				continue
			}
			p, err := r.controller.Ledger.Package(ctx, id)
			if err != nil || p.Count > 0 {
				return false
			}
		}
	}
	return true
}

// unfinished describes some of the invoices that have no end, with the last log lines about them.
func (r *run) unfinished(ctx context.Context) string {
	text := ""
	for _, s := range ledger.States() {
		if ended(s) {
			continue
		}
		ids, err := r.controller.Ledger.InState(ctx, s, time.Time{}, time.Time{}, 5)
		if err != nil {
			return text + "; " + err.Error()
		}
		for _, id := range ids {
			inv, err := r.controller.Ledger.Invoice(ctx, id)
			if err != nil {
				text += "\n  " + err.Error()
				continue
			}
			p, _ := r.controller.Ledger.Package(ctx, inv.Package)
			text += fmt.Sprintf("\n  %s %s %s group %q lane %s resends %d code %d %q",
				inv.ID, inv.Number, inv.State, inv.Group, inv.Lane, inv.Resends, inv.Code, inv.Reason)
			text += fmt.Sprintf(", package %s %s %s listed %v owner %s code %d %q session %s lost %d doubt %d",
				p.ID, p.Lane, p.State, p.Listed, p.Owner, p.Code, p.Reason, p.Session, p.Lost, p.Doubt)
			text += r.lastLogLines(id) + r.lastLogLines(p.ID)
		}
	}
	return text
}

// lastLogLines returns the newest log lines of all workers about an entry.
func (r *run) lastLogLines(id string) string {
	const maxLines = 3
	if id == "" {
		return ""
	}
	var lines []string
	for _, s := range r.workers {
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
	at := func(line string) string { // every line contains its time
		_, after, _ := strings.Cut(line, `"time":"`)
		return after
	}
	slices.SortStableFunc(lines, func(a, b string) int { return strings.Compare(at(a), at(b)) })
	text := ""
	for _, line := range lines[max(0, len(lines)-maxLines):] {
		text += "\n    " + line
	}
	return text
}
