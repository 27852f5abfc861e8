package connect

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// A tenant may be taken out of the configuration, or have its NIP mistyped, while its invoices
// wait. They stay as they are and go on by themselves when it is configured again; until then
// somebody has to know.

// Unserved are the invoices that wait for tenants which are not configured here, by NIP.
type Unserved struct {
	Counts map[string]int64
	More   bool // there may be more: only so many of the oldest were looked at
}

// unservedLooked is how many of each list are looked at.
const unservedLooked = 1000

// Unserved counts them.
func (p *Pool) Unserved(ctx context.Context) (Unserved, error) {
	counts, more, err := p.Ledger.Unserved(ctx, func(nip string) bool { _, ok := p.Config.Tenant(nip); return ok }, unservedLooked)
	return Unserved{counts, more}, err
}

// Lines tells it to people, a line for each tenant, those with most invoices first; at most so many
// lines.
func (u Unserved) Lines(most int) []string {
	nips := u.ByCount()
	least := ""
	if u.More {
		least = "at least "
	}
	var lines []string
	for i, nip := range nips {
		if i == most {
			lines = append(lines, fmt.Sprintf("and invoices of %d more tenants that are not configured", len(nips)-most))
			break
		}
		lines = append(lines, fmt.Sprintf("%s%d invoices of tenant %s wait, and no such tenant is configured here: "+
			"add it to tenants again, and they go on", least, u.Counts[nip], nip))
	}
	return lines
}

func (u Unserved) ByCount() []string {
	nips := slices.Sorted(maps.Keys(u.Counts))
	slices.SortStableFunc(nips, func(a, b string) int { return int(u.Counts[b] - u.Counts[a]) })
	return nips
}
