package page

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"ksefworker/internal/ledger"
	"ksefworker/internal/waiting"
)

// row is one tenant on the overview.
type row struct {
	Tenant
	Standing
	Waiting, OnWay, Today, RejectedToday int64
	Waits                                []waiting.Count // the largest first
	Hold                                 *ledger.Hold
	Unknown                              bool   // the tenant is not in the configuration
	Tightest                             *meter // see tightest; nil: nothing is used or frozen

	Stranger string // the NIP that the tenant's name means in the ledger, if that is another NIP; otherwise ""
}

// Trouble reports whether the tenant needs attention. It does when a person has paused or drained
// it, and when the configuration pauses it, lacks it, or gives its name to another NIP than the
// ledger. It also does when it has a wait that is not ordinary (see [waiting.Reason.Ordinary]).
func (r row) Trouble() bool {
	return r.Hold != nil || r.Paused || r.Unknown || r.Stranger != "" ||
		slices.ContainsFunc(r.Waits, func(c waiting.Count) bool { return !c.For.Ordinary() })
}

// overviewPage is what the overview shows.
type overviewPage struct {
	Rows     []row
	More     int // tenants that are not listed
	Sum      row
	Pool     *Pool
	Sessions []ledger.Package
	Charts   []chart
	Query    string
}

// maxRows is how many tenants one page lists; the rest is found by name.
const maxRows = 50

func (v *overviews) overview() error {
	v.here = "overview"
	pool, err := v.p.o.Pool(v.ctx())
	if err != nil {
		return err
	}
	rows, err := v.rows(pool)
	if err != nil {
		return err
	}
	d := overviewPage{Pool: pool, Query: strings.TrimSpace(v.r.URL.Query().Get("tenant")), Sessions: v.sessionsOf(pool, "")}
	for _, r := range rows {
		d.Sum.add(r)
	}
	if d.Query != "" {
		rows = slices.DeleteFunc(rows, func(r row) bool {
			return !strings.Contains(strings.ToLower(r.Name+" "+r.NIP), strings.ToLower(d.Query))
		})
	}
	d.Rows, d.More = rows[:min(maxRows, len(rows))], max(0, len(rows)-maxRows)
	usages, err := v.p.o.Limits.Usages(v.ctx())
	if err != nil {
		v.p.o.Log.Warn().Err(err).Msg("the overview does not show what is left of the limits")
	}
	for i := range d.Rows {
		d.Rows[i].Tightest = v.tightest(d.Rows[i].Name, usages)
	}
	if d.Charts, err = v.charting.charts(v.figuresOf()...); err != nil {
		return err
	}
	return v.render(http.StatusOK, "overview", v.T("Overview"), d)
}

func (r *row) add(s row) {
	r.Waiting, r.OnWay, r.Today, r.RejectedToday = r.Waiting+s.Waiting, r.OnWay+s.OnWay, r.Today+s.Today, r.RejectedToday+s.RejectedToday
	r.Open, r.AtRisk, r.MoreOpen = r.Open+s.Open, r.AtRisk+s.AtRisk, r.MoreOpen || s.MoreOpen
	r.due(s.Nearest)
}

// rows returns the tenants that the visitor sees. Those that need a person come first.
func (v *overviews) rows(pool *Pool) ([]row, error) {
	byName := map[string]*row{}
	for _, t := range v.Tenants() {
		byName[t.Name] = &row{Tenant: t, Stranger: v.stranger(t.Name)}
	}
	of := func(name string) *row {
		if byName[name] == nil && v.sees(name) {
			byName[name] = &row{Tenant: Tenant{Name: name}, Unknown: name != ""}
		}
		return byName[name]
	}
	for name, s := range pool.Tenants {
		if r := of(name); r != nil {
			r.Standing = *s
		}
	}
	for _, c := range pool.Waits {
		r := of(c.Tenant)
		if r == nil {
			continue
		}
		r.Waits = append(r.Waits, c)
		switch c.For {
		case waiting.Processing, waiting.SessionOpen, waiting.Working, waiting.Receipt:
			r.OnWay += int64(c.Invoices)
		default:
			r.Waiting += int64(c.Invoices)
		}
	}
	for name, h := range pool.Holds {
		if r := of(name); r != nil {
			r.Hold = &h
		}
	}
	names := make([]string, 0, len(byName))
	for name := range byName {
		names = append(names, name)
	}
	today, err := v.p.o.Figures.Today(v.ctx(), pool.At, names)
	if err != nil {
		return nil, err
	}
	rows := make([]row, 0, len(byName))
	for name, r := range byName {
		r.Today, r.RejectedToday = today[name].Accepted, today[name].Rejected
		if name == "" && r.Open == 0 && !r.MoreOpen && len(r.Waits) == 0 {
			continue
		}
		if name == "" {
			r.Today, r.RejectedToday = 0, 0 // the figures with this name are those of all tenants together
		}
		rows = append(rows, *r)
	}
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(rank(b), rank(a)), cmp.Compare(b.Waiting+b.OnWay, a.Waiting+a.OnWay), cmp.Compare(a.Name, b.Name))
	})
	return rows, nil
}

// rank says how urgently a tenant needs a person. Higher is more urgent.
func rank(r row) int {
	switch {
	case r.AtRisk > 0:
		return 3
	case r.Trouble():
		return 2
	case r.Open > 0, r.MoreOpen:
		return 1
	}
	return 0
}

// maxSessions is how many packages a page lists.
const maxSessions = 20

// sessionsOf returns the packages that the visitor sees, of one tenant if it is named.
func (v *overviews) sessionsOf(pool *Pool, tenant string) []ledger.Package {
	var some []ledger.Package
	for i := range pool.Sessions {
		p := pool.Sessions[i]
		if v.sees(p.Tenant) && (tenant == "" || p.Tenant == tenant) && len(some) < maxSessions {
			some = append(some, p)
		}
	}
	return some
}
