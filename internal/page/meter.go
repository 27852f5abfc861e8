package page

import (
	"cmp"
	"slices"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ratelimit"
)

// meter is what is used of one limit.
type meter struct {
	Group  string // in words
	Per    time.Duration
	Used   int
	Limit  int
	Frozen time.Duration
	Denied bool // the limit is frozen because KSeF refuses everything of the tenant
}

// Left is how many requests still fit.
func (m meter) Left() int { return max(0, m.Limit-m.Used) }

// Share is how much is used, in percent.
func (m meter) Share() int { return min(100, 100*m.Used/max(m.Limit, 1)) }

// Tone is how the meter is coloured.
func (m meter) Tone() string {
	switch {
	case m.Frozen > 0 || m.Share() >= 100:
		return "bad"
	case m.Share() >= 80:
		return "warn"
	}
	return "good"
}

// shownLimits are the groups of requests that the page shows because people understand them, with
// their names in English.
var shownLimits = []struct {
	group ksef.Group
	name  string
}{
	{ksef.GroupBatchSession, "Batch sessions opened"},
	{ksef.GroupOnlineSession, "Online sessions opened"},
	{ksef.GroupInvoiceSend, "Invoices sent one by one"},
	{ksef.GroupInvoiceStatus, "Questions about an invoice"},
	{ksef.GroupSessionInvoiceList, "Lists of a session's invoices"},
	{ksef.GroupSessionMisc, "Questions about a session"},
}

// metersOf returns the windows of a group's usage that are a minute or longer, which a person can
// follow.
func metersOf(name string, u ratelimit.Usage) (some []meter) {
	for _, w := range u.Windows {
		if w.Per >= time.Minute {
			some = append(some, meter{Group: name, Per: w.Per, Used: w.Used, Limit: w.Limit, Frozen: u.Frozen,
				Denied: u.Cause == ratelimit.CauseDenied})
		}
	}
	return some
}

// tightest returns the limit that a tenant has used most, in percent. A frozen limit comes before
// all others. Of several frozen limits it returns the limit that stays frozen longest. It returns
// nil when the tenant has neither recent use nor a frozen limit.
func (v *overviews) tightest(tenant string, usages map[ratelimit.Key]ratelimit.Usage) *meter {
	var least *meter
	for _, s := range shownLimits {
		for _, m := range metersOf(v.T(s.name), usages[ratelimit.Key{Tenant: tenant, Group: string(s.group)}]) {
			if least == nil || m.Frozen > least.Frozen || m.Frozen == least.Frozen && m.Share() > least.Share() {
				least = &m
			}
		}
	}
	if least == nil || least.Used == 0 && least.Frozen == 0 {
		return nil
	}
	return least
}

// meters returns what is left of each limit of a tenant, the longest windows first.
func (v *overviews) meters(tenant string) ([]meter, error) {
	var all []meter
	for _, s := range shownLimits {
		u, err := v.p.o.Limits.Usage(v.ctx(), tenant, string(s.group))
		if err != nil {
			return nil, err
		}
		all = append(all, metersOf(v.T(s.name), u)...)
	}
	slices.SortStableFunc(all, func(a, b meter) int { return cmp.Compare(b.Per, a.Per) })
	return all, nil
}
