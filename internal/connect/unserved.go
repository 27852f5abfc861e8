package connect

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"ksefworker/internal/plural"
)

// A tenant may be removed from the configuration, or its NIP may be mistyped, while its invoices
// wait. They stay as they are and go on by themselves when the tenant is configured again. Until
// then somebody has to know about them.

// Unserved counts the invoices that wait for tenants that are not configured here.
type Unserved struct {
	Counts map[string]int64 // by tenant
	More   bool             // there may be more: only the oldest were read
}

// maxUnserved is how many entries are read of each of the ledger's lists of invoices and packages.
const maxUnserved = 1000

// Unserved counts the invoices that wait for tenants that are not configured here.
func (p *Pool) Unserved(ctx context.Context) (Unserved, error) {
	configured := func(tenant string) bool { _, ok := p.Config.Tenant(tenant); return ok }
	counts, more, err := p.Ledger.Unserved(ctx, configured, maxUnserved)
	return Unserved{counts, more}, err
}

// Lines returns at most maxLines lines for people, one for each tenant. When there are more
// tenants, one further line counts the rest. The tenant with the most invoices comes first.
func (u Unserved) Lines(maxLines int) []string {
	tenants := u.ByCount()
	atLeast := ""
	if u.More {
		atLeast = "at least "
	}
	var lines []string
	for i, tenant := range tenants {
		if i == maxLines {
			lines = append(lines, "and invoices of "+
				plural.Of(len(tenants)-maxLines, "more tenant that is", "more tenants that are")+" not configured")
			break
		}
		n := u.Counts[tenant]
		lines = append(lines, fmt.Sprintf("%s%s of tenant %s %s, but that tenant is not configured here: "+
			"add it to tenants again, and %s on", atLeast, plural.Of(n, "invoice", "invoices"), tenant, plural.Form(n, "waits", "wait"),
			plural.Form(n, "it goes", "they go")))
	}
	return lines
}

// ByCount returns the tenants, those with the most invoices first.
func (u Unserved) ByCount() []string {
	tenants := slices.Sorted(maps.Keys(u.Counts))
	slices.SortStableFunc(tenants, func(a, b string) int { return int(u.Counts[b] - u.Counts[a]) })
	return tenants
}
