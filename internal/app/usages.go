package app

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ratelimit"
	"ksefworker/internal/retry"
)

// usages is the use of the limits of all tenants at one moment. Only groups that have booked
// something lately or are frozen have an entry.
type usages map[ratelimit.Key]ratelimit.Usage

// usagesAge is how old the figures may be. Several supervisors and scrapers ask for the same
// figures.
const usagesAge = time.Second

// shownGroups lists the groups whose limits are shown.
func (l *limits) shownGroups() []string {
	groups := l.limiter.Groups()
	for i, group := range groups {
		if group == ratelimit.GroupOther {
			// Each operation of this group has its own counter. The counter that is shown is that
			// of requests for the public key, which come before a session is opened.
			groups[i] = string(ksef.GroupPublicKey)
		}
	}
	return groups
}

// readUsages reads the use of all groups of all tenants, and whether their credentials are refused.
func (l *limits) readUsages(ctx context.Context) (usages, error) {
	_ = l.store.Flush(ctx) // after an error the freezes stay pending; others log that Redis does not answer
	groups := append(l.shownGroups(), retry.CredentialsGroup)
	keys := make([]ratelimit.Key, 0, len(l.hosts)*len(groups))
	for _, tenant := range slices.Sorted(maps.Keys(l.hosts)) {
		for _, group := range groups {
			keys = append(keys, ratelimit.Key{Tenant: tenant, Group: group})
		}
	}
	return l.logs.Usages(ctx, keys, func(k ratelimit.Key) ratelimit.Limits {
		if k.Group == retry.CredentialsGroup {
			return nil
		}
		return l.limiter.Limits(k.Tenant, k.Group)
	})
}

// held lists the tenants that have a frozen group or a full window.
func (u usages) held() map[string]bool {
	held := map[string]bool{}
	for k, of := range u {
		full := slices.ContainsFunc(of.Windows, func(w ratelimit.WindowUsage) bool { return w.Left == 0 && w.Limit > 0 })
		if of.Frozen > 0 || full {
			held[k.Tenant] = true
		}
	}
	return held
}

// shownTenants chooses the tenants that have series of their own. most is their maximum number.
// When there are more tenants, it chooses first those that something holds back, and then those
// with the most waiting invoices. A tenant that has no waiting invoice and that nothing holds back
// is left out. waiting counts the waiting invoices of each tenant.
func shownTenants(all []string, most int, held map[string]bool, waiting map[string]int) []string {
	if len(all) <= most {
		return all
	}
	some := slices.DeleteFunc(slices.Clone(all), func(t string) bool { return !held[t] && waiting[t] == 0 })
	rank := func(t string) int {
		if held[t] {
			return 1
		}
		return 0
	}
	slices.SortFunc(some, func(a, b string) int {
		return cmp.Or(cmp.Compare(rank(b), rank(a)), cmp.Compare(waiting[b], waiting[a]), cmp.Compare(a, b))
	})
	return some[:min(len(some), most)]
}
