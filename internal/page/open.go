package page

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"ksefworker/internal/inquiry"
	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

// item is a document that a person has to act on.
type item struct {
	results.Result
	Words words // the first entry about it in the table of package explain
	Said  saying
	Since time.Time
	Later ledger.Newest // a later document of the same number; State is "" when there is none
	Seen  ledger.Seen
}

// openPage lists what needs a person.
type openPage struct {
	Tenant  string
	Unseen  bool // only what nobody has marked as seen
	Items   []item
	Sick    []string // keys that cannot be read, so Items may lack some
	Next    string   // address of the older items
	Back    time.Time
	Refused []item // documents that were not taken in, the oldest of each tenant first
	More    int64  // refused documents that are not listed
	Lacking bool   // some lists of refused documents could not be read
	Done    string // how many items were acted on just now
}

const (
	maxListedRefusals = 100
	maxKeptRefusals   = 5000 // how many refused documents are kept of one tenant
	// openScan bounds how many entries one page of open items reads. Most of them may belong to
	// other tenants.
	openScan = 20_000
)

func (v *openList) open() error {
	v.here = "open"
	q, err := v.listing.question()
	if err != nil {
		return err
	}
	d := openPage{Tenant: q.Tenant, Unseen: q.Unseen, Done: v.r.URL.Query().Get("done")}
	if len(d.Done) > 6 {
		d.Done = ""
	}
	found, err := v.openItems(&q, pageSize, time.Now().Add(searchTime))
	if err != nil {
		return err
	}
	d.Items, d.Sick = found.items, found.sick
	if found.next != (ledger.Place{}) {
		d.Next = v.listing.older(found.next, slices.ContainsFunc(found.items, func(it item) bool { return it.ID == found.next.ID }))
		d.Back = found.next.At.Time()
	}
	if q.before == (ledger.Place{}) {
		if err := v.openRefusals(&d, &q); err != nil {
			return err
		}
	}
	return v.render(http.StatusOK, "open", v.T("Open items"), d)
}

// foundOpen are open items, and the place where older items begin.
type foundOpen struct {
	items []item
	next  ledger.Place // zero if there are none
	sick  []string     // keys that cannot be read, so items may be missing
}

// openItems returns the rejected and parked invoices that a question asks for, the newest first.
func (v *openList) openItems(q *question, limit int, until time.Time) (foundOpen, error) {
	out, at, read := foundOpen{}, q.before, 0
	for {
		found, err := v.p.o.Inquiry.Latest(v.ctx(), inquiry.Window{States: openStates(), Before: at, Limit: min(limit-len(out.items), 500),
			Scan: openScan - read, Until: until,
			Match: func(inv *ledger.Invoice) bool {
				return v.sees(inv.Tenant) && (q.Tenant == "" || q.Tenant == inv.Tenant)
			}})
		if err != nil {
			return out, err
		}
		some, err := v.itemsOf(found.Invoices, q.Unseen)
		if err != nil {
			return out, err
		}
		out.items, out.sick = append(out.items, some...), found.Sick
		at, read = found.Next, read+found.Read+len(found.Invoices)
		if out.next = at; at == (ledger.Place{}) || len(out.items) >= limit || read >= openScan || !time.Now().Before(until) {
			return out, nil
		}
	}
}

// itemsOf makes items of invoices. It leaves out an invoice whose number KSeF has accepted with
// another document, because the sweep is about to supersede the invoice. With unseen it also leaves
// out those that somebody has marked as seen.
func (v *openList) itemsOf(invs []ledger.Invoice, unseen bool) ([]item, error) {
	newest, err := v.p.o.Ledger.NewestOf(v.ctx(), invs)
	if err != nil {
		return nil, err
	}
	names := make([]ledger.OpenName, len(invs))
	for i := range invs {
		names[i] = invs[i].NameOfOpen()
	}
	marks, err := v.p.o.Ledger.SeenOf(v.ctx(), names...)
	if err != nil {
		return nil, err
	}
	var items []item
	for i, inv := range invs {
		later, seen := newest[inv.ID], marks[i].Of(inv.UpdatedAt)
		if later.State.InKSeF() || unseen && seen.By != "" {
			continue
		}
		r := results.Of(inv, v.p.o.Environment)
		items = append(items, item{Result: r, Words: v.words.wordsOf(&r)[0], Said: v.words.reasonOf(&r), Since: inv.UpdatedAt.Time(),
			Later: later, Seen: seen})
	}
	return items, nil
}

func (v *openList) openRefusals(d *openPage, q *question) error {
	listed, read, err := v.refusedItems(q, maxListedRefusals)
	unread, err := ledger.Skip(err)
	if err != nil {
		return err
	}
	d.Lacking = len(unread) > 0
	d.Refused = listed[:min(len(listed), maxListedRefusals)]
	if q.Unseen {
		d.More = int64(len(listed) - len(d.Refused))
		return nil
	}
	counts, err := v.p.o.Ledger.CountRefusals(v.ctx())
	_, err = ledger.Skip(err)
	for name, n := range counts {
		if v.sees(name) && (q.Tenant == "" || q.Tenant == name) {
			d.More += n
		}
	}
	d.More = max(0, d.More-int64(read))
	return err
}

// refusedItems returns refused documents, and how many were read. When the question asks only for
// documents that nobody has marked as seen, it reads up to maxRefusals, even if limit is less. With
// an [*ledger.UnreadableError] it returns those that can be read.
func (v *openList) refusedItems(q *question, limit int) (items []item, read int, err error) {
	if q.Unseen {
		limit = max(limit, maxRefusals)
	}
	var all []ledger.Refusal
	lacking := v.listing.refusals(q.Tenant, limit, func(r *ledger.Refusal) bool {
		all = append(all, *r)
		return true
	})
	if _, err := ledger.Skip(lacking); err != nil {
		return nil, 0, err
	}
	items, err = v.itemsOfRefusals(all, q.Unseen)
	return items, len(all), cmp.Or(err, lacking)
}

// refusedOf returns the refused documents of one tenant. With unseen it returns only those that
// nobody has marked as seen.
func (v *openList) refusedOf(tenant string, unseen bool) ([]item, error) {
	all, err := v.p.o.Ledger.OpenRefusalsOf(v.ctx(), tenant, 0, maxKeptRefusals)
	if err != nil {
		return nil, err
	}
	return v.itemsOfRefusals(all, unseen)
}

func (v *openList) itemsOfRefusals(all []ledger.Refusal, unseen bool) (items []item, err error) {
	for batch := range slices.Chunk(all, 500) {
		names := make([]ledger.OpenName, len(batch))
		for i := range batch {
			names[i] = batch[i].NameOfOpen()
		}
		marks, err := v.p.o.Ledger.SeenOf(v.ctx(), names...)
		if err != nil {
			return nil, err
		}
		for i := range batch {
			seen := marks[i].Of(batch[i].At)
			if unseen && seen.By != "" {
				continue
			}
			it := v.refusedItem(&batch[i])
			it.Seen = seen
			items = append(items, it)
		}
	}
	return items, nil
}

func (v *openList) refusedItem(r *ledger.Refusal) item {
	var rules []string
	for _, f := range r.Faults {
		rules = append(rules, f.Rule)
	}
	out := results.OfRefusal(r)
	return item{Result: out, Words: v.words.wordsOf(&out, rules...)[0], Said: v.words.refusalOf(r), Since: r.At.Time()}
}
