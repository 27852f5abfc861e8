package page

import (
	"net/http"
	"time"

	"ksefworker/internal/inquiry"
	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

// item is a document that a person has to act on.
type item struct {
	results.Result
	Words words // the first that is said about it
	Since time.Time
	Later ledger.Newest // a later document of the same number; State is "" when there is none
}

// openPage lists what needs a person.
type openPage struct {
	Tenant  string
	Items   []item
	Next    string // address of the older ones
	Back    time.Time
	Refused []item // documents that were not taken in, the oldest of each tenant first
	More    int64  // refused documents that are not listed
	Done    string // how many were acted on just now
}

const (
	maxListedRefusals = 100
	// openScan bounds what one page of open items reads, where most are other tenants'.
	openScan = 20_000
)

func (v *openList) open() error {
	v.here = "open"
	q, err := v.listing.question()
	if err != nil {
		return err
	}
	d := openPage{Tenant: q.Tenant, Done: v.r.URL.Query().Get("done")}
	if len(d.Done) > 6 {
		d.Done = ""
	}
	var next ledger.Place
	if d.Items, next, err = v.openItems(q.Tenant, q.before, pageSize); err != nil {
		return err
	}
	if next != (ledger.Place{}) {
		d.Next = v.listing.older(next)
		d.Back = next.At.Time()
	}
	if q.before == (ledger.Place{}) {
		if err := v.openRefusals(&d, q.Tenant); err != nil {
			return err
		}
	}
	return v.render(http.StatusOK, "open", v.T("Open items"), d)
}

// openItems returns a page of rejected and parked invoices, the newest first.
func (v *openList) openItems(tenant string, before ledger.Place, limit int) ([]item, ledger.Place, error) {
	found, err := v.p.o.Inquiry.Latest(v.ctx(), inquiry.Window{States: openStates(), Before: before, Limit: limit,
		Scan: openScan, Until: time.Now().Add(searchTime),
		Match: func(inv *ledger.Invoice) bool {
			return v.sees(inv.Tenant) && (tenant == "" || tenant == inv.Tenant)
		}})
	if err != nil {
		return nil, ledger.Place{}, err
	}
	newest, err := v.p.o.Ledger.NewestOf(v.ctx(), found.Invoices)
	if err != nil {
		return nil, ledger.Place{}, err
	}
	var items []item
	for _, inv := range found.Invoices {
		later := newest[inv.ID]
		if later.State.InKSeF() {
			continue // the sweep will supersede it
		}
		r := results.Of(inv, v.p.o.Environment)
		items = append(items, item{Result: r, Words: v.words.wordsOf(&r)[0], Since: inv.UpdatedAt.Time(), Later: later})
	}
	return items, found.Next, nil
}

func (v *openList) openRefusals(d *openPage, tenant string) error {
	err := v.listing.refusals(tenant, maxListedRefusals, func(r *ledger.Refusal) bool {
		d.Refused = append(d.Refused, v.refusedItem(r))
		return true
	})
	if err != nil {
		return err
	}
	counts, err := v.p.o.Ledger.CountRefusals(v.ctx())
	for name, n := range counts {
		if v.sees(name) && (tenant == "" || tenant == name) {
			d.More += n
		}
	}
	d.More = max(0, d.More-int64(len(d.Refused)))
	return err
}

func (v *openList) refusedItem(r *ledger.Refusal) item {
	var rules []string
	for _, f := range r.Faults {
		rules = append(rules, f.Rule)
	}
	out := results.OfRefusal(r)
	return item{Result: out, Words: v.words.wordsOf(&out, rules...)[0], Since: r.At.Time()}
}
