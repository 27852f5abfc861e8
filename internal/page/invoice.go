package page

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/records"
	"ksefworker/internal/results"
)

// invoicePage is what is known about one invoice.
type invoicePage struct {
	results.Result
	Entry    ledger.Invoice // zero when only the archive knows the invoice
	Package  *ledger.Package
	Archived bool // the ledger has forgotten the invoice, so all facts are from the archive
	Damaged  bool // the invoice's entry in the ledger is damaged, so all facts are from the archive
	Words    []words
	Said     saying
	Seen     ledger.Seen
	Later    ledger.Newest
	History  []event
	UPO, PDF bool // whether the page offers the receipt, and a PDF of the invoice
	Retry    bool
	Dismiss  bool
	Deadline time.Time
	Until    time.Time // when the wait ends
	Asked    string    // what was just asked for: one of the verbs
	MayMark  bool
	// Trace and PackageTrace are the trace_id of the invoice and of its package, in the log and in
	// the traces.
	Trace, PackageTrace string
}

// archiveTime bounds a search of the archive, which may have to look into every month.
const archiveTime = 10 * time.Second

// entry returns the invoice with the id in the path, from the ledger. It returns nil when only the
// archive may know the invoice. An invoice of another tenant does not exist for the visitor.
func (v *single) entry() (*ledger.Invoice, error) {
	inv, unread, err := v.look(v.r.PathValue("id"))
	if unread != nil {
		return nil, v.notReadable(unread)
	}
	return inv, err
}

// look does what entry does, for any id. unread is an entry that exists and cannot be read.
func (v *visit) look(id string) (inv *ledger.Invoice, unread *ledger.Unreadable, err error) {
	found, err := v.p.o.Ledger.Named(v.ctx(), id)
	if errors.Is(err, ledger.ErrNotFound) {
		return nil, nil, nil
	}
	bad, rest := ledger.Skip(err)
	switch {
	case rest != nil:
		return nil, nil, rest
	case len(bad) > 0:
		return nil, &bad[0], nil
	case !v.sees(found.Tenant):
		return nil, nil, missing
	}
	return &found, nil, nil
}

// notReadable returns what a visitor is told of an entry that cannot be read. Often the tenant of
// the entry is not known either. Then only a visitor who sees all tenants is told that the entry
// exists.
func (v *visit) notReadable(u *ledger.Unreadable) *shown {
	if !v.sees(u.Tenant) {
		return missing
	}
	return &shown{http.StatusServiceUnavailable,
		"The invoice is here, but its entry is damaged or of a newer version. Tell whoever looks after the program: KsefUnreadableEntries.", nil}
}

// archived returns what the archive has under the id in the path.
func (v *single) archived() (*results.Result, error) {
	id := v.r.PathValue("id")
	if !strings.HasPrefix(id, "inv-") || len(id) > 60 {
		return nil, missing
	}
	done, err := v.p.searching(v.ctx())
	if err != nil {
		return nil, err
	}
	defer done()
	ctx, cancel := context.WithTimeout(v.ctx(), archiveTime)
	defer cancel()
	found, err := v.p.o.Records.Find(ctx, id)
	if err != nil {
		return nil, err
	}
	for i := range found {
		r := &found[i]
		if r.Tenant == "" {
			r.Tenant = r.NIP // results of older builds have no tenant
		}
		if r.ID == id && v.sees(r.Tenant) {
			return r, nil
		}
	}
	return nil, missing
}

// result returns what is known about the invoice in the path, and its entry where the ledger has
// it.
func (v *single) result() (results.Result, *ledger.Invoice, error) {
	r, inv, _, err := v.resultOrInstead()
	return r, inv, err
}

// resultOrInstead does what result does. damaged says that the entry in the ledger is damaged, so
// the result is from the archive.
func (v *single) resultOrInstead() (r results.Result, entry *ledger.Invoice, damaged bool, err error) {
	inv, unread, err := v.look(v.r.PathValue("id"))
	if err != nil {
		return r, nil, false, err
	}
	if inv == nil {
		r, err := v.archived()
		if unread != nil && (err != nil || !records.Stands(unread, r)) {
			err = v.notReadable(unread)
		}
		if err != nil {
			return results.Result{}, nil, false, err
		}
		return *r, nil, unread != nil, nil
	}
	found, err := v.p.o.Inquiry.Results(v.ctx(), []ledger.Invoice{*inv})
	if err != nil {
		return r, nil, false, err
	}
	return found[0], inv, false, nil
}

func (v *single) invoice() error {
	v.here = "invoices"
	r, inv, damaged, err := v.resultOrInstead()
	if err != nil {
		return err
	}
	d := invoicePage{Result: r, Archived: inv == nil && !damaged, Damaged: damaged, Words: v.words.wordsOf(&r), Said: v.words.reasonOf(&r),
		UPO: r.UPO != "", PDF: v.hasPDF(r.Tenant)}
	d.Deadline, _ = time.Parse(time.RFC3339, r.Deadline)
	d.Until, _ = time.Parse(time.RFC3339, r.WaitingUntil)
	if d.Trace = v.p.o.TraceID(r.ID); r.Package != "" {
		d.PackageTrace = v.p.o.TraceID(r.Package)
	}
	if asked := v.r.URL.Query().Get("asked"); slices.Contains(verbs, asked) {
		d.Asked = asked
	}
	if inv != nil {
		d.Entry = *inv
		d.Retry = v.MayActFor(inv.Tenant) && (inv.State.Open() || inv.State == ledger.Dismissed)
		d.Dismiss = v.MayActFor(inv.Tenant) && (inv.State.Open() || inv.State == ledger.Queued)
		if inv.Package != "" {
			p, err := v.p.o.Ledger.Package(v.ctx(), inv.Package)
			if err == nil {
				d.Package = &p
			} else if unread, rest := ledger.Skip(err); len(unread) == 0 && !errors.Is(rest, ledger.ErrNotFound) {
				return rest
			}
		}
		if inv.State.Open() {
			newest, err := v.p.o.Ledger.NewestOf(v.ctx(), []ledger.Invoice{*inv})
			if err != nil {
				return err
			}
			d.Later, d.MayMark = newest[inv.ID], v.MayActFor(inv.Tenant)
			marks, err := v.p.o.Ledger.SeenOf(v.ctx(), inv.NameOfOpen())
			if err != nil {
				return err
			}
			d.Seen = marks[0].Of(inv.UpdatedAt)
		}
	}
	if d.History, err = v.history(&r, inv, d.Package); err != nil {
		return err
	}
	return v.render(http.StatusOK, "invoice", r.Number, d)
}
