package page

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/ratelimit"
)

// meter is what is used of one limit.
type meter struct {
	Group  string // in words
	Per    time.Duration
	Used   int
	Limit  int
	Frozen time.Duration
	Denied bool // it is frozen because KSeF refuses everything of the tenant
}

// Left is how many requests still fit.
func (m meter) Left() int { return max(0, m.Limit-m.Used) }

// Share is how much is used, in percent.
func (m meter) Share() int { return min(100, 100*m.Used/max(m.Limit, 1)) }

// Tone is how it is coloured.
func (m meter) Tone() string {
	switch {
	case m.Frozen > 0 || m.Share() >= 100:
		return "bad"
	case m.Share() >= 80:
		return "warn"
	}
	return "good"
}

type tenantPage struct {
	Row      row
	Meters   []meter
	Sessions []ledger.Package
	Charts   []chart
}

// shownLimits are the groups of requests that a person has an idea of, with the keys of their
// words.
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

func (v *overviews) tenant() error {
	v.here = "overview"
	name := v.r.PathValue("name")
	if !v.sees(name) || name == "" {
		return missing
	}
	pool, err := v.p.o.Pool(v.ctx())
	if err != nil {
		return err
	}
	rows, err := v.rows(pool)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(rows, func(r row) bool { return r.Name == name })
	if at < 0 {
		return missing
	}
	d := tenantPage{Row: rows[at], Sessions: v.sessionsOf(pool, name)}
	if !d.Row.Unknown {
		if d.Meters, err = v.meters(name); err != nil {
			return err
		}
	}
	if d.Charts, err = v.charting.charts(name); err != nil {
		return err
	}
	return v.render(http.StatusOK, "tenant", name, d)
}

func (v *overviews) meters(tenant string) ([]meter, error) {
	var all []meter
	for _, s := range shownLimits {
		u, err := v.p.o.Limits.Usage(v.ctx(), tenant, string(s.group))
		if err != nil {
			return nil, err
		}
		for _, w := range u.Windows {
			if w.Per >= time.Minute {
				all = append(all, meter{Group: v.T(s.name), Per: w.Per, Used: w.Used, Limit: w.Limit, Frozen: u.Frozen,
					Denied: u.Cause == ratelimit.CauseDenied})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b meter) int { return cmp.Compare(b.Per, a.Per) })
	return all, nil
}
