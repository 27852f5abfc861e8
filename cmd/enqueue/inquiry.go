package main

import (
	"context"
	"strings"

	"ksefworker/internal/connect"
	"ksefworker/internal/inquiry"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/records"
	"ksefworker/internal/waiting"
)

// inquiry returns the reader that answers questions about invoices. It reports on standard error
// what cannot be read or explained.
func (rd *reader) inquiry() *inquiry.Reader {
	return &inquiry.Reader{
		Ledger: rd.base.Ledger, Environment: string(rd.cfg.Environment), Waits: rd,
		Unexplained: rd.sayUnexplained, Unread: rd.sayUnread,
	}
}

// findName returns the invoices with this id, number or KSeF number, of all tenants.
func (rd *reader) findName(ctx context.Context, name string) ([]ledger.Invoice, error) {
	invs, err := rd.inquiry().Find(ctx, name)
	if err != nil && !hasShared(err) || len(invs) > 0 {
		return invs, err
	}
	sick := err // of the keys of invoice numbers, which the search for a KSeF number does not need
	if invs, err = rd.findKsefNumber(ctx, name); err == nil && len(invs) == 0 {
		err = sick
	}
	return invs, err
}

// findKsefNumber returns the invoice with this KSeF number. It returns none when name is not a KSeF
// number. The ledger has no index of KSeF numbers. So for an invoice that has its receipt, the
// archive says which id it has. The long list of the invoices with a receipt is read only when the
// archive does not know the number or does not answer.
func (rd *reader) findKsefNumber(ctx context.Context, name string) ([]ledger.Invoice, error) {
	number, err := invoice.ParseKsefNumber(strings.ToUpper(strings.TrimSpace(name)))
	if err != nil {
		return nil, nil
	}
	invs, err := rd.inquiry().FindKsefNumber(ctx, number.String(), ledger.Accepted)
	if err != nil || len(invs) > 0 {
		return invs, err
	}
	archived, err := (&records.Reader{Store: rd.base.Store}).Find(ctx, number.String())
	if err == nil && len(archived) > 0 {
		ids := make([]string, len(archived))
		for i := range archived {
			ids[i] = archived[i].ID
		}
		if invs, err = rd.base.Ledger.AllNamed(ctx, ids); err != nil || len(invs) > 0 {
			return invs, err
		}
	}
	return rd.inquiry().FindKsefNumber(ctx, number.String(), ledger.Receipted)
}

// findRef returns the invoices that have this ref, at most one of each tenant.
func (rd *reader) findRef(ctx context.Context, ref string) ([]ledger.Invoice, error) {
	names := make([]string, len(rd.cfg.Tenants))
	for i, t := range rd.cfg.Tenants {
		names[i] = t.Title()
	}
	return rd.inquiry().FindRef(ctx, ref, names...)
}

// Explain implements [inquiry.Explainer].
func (rd *reader) Explain(ctx context.Context, invs []ledger.Invoice) (map[string]waiting.Wait, error) {
	r, err := rd.waitingReader()
	if err != nil {
		return nil, err
	}
	return r.Explain(ctx, invs)
}

// waitingReader makes the reader at its first use, because most commands do not need it.
func (rd *reader) waitingReader() (*waiting.Reader, error) {
	if rd.waits == nil {
		r, err := rd.base.Waiting()
		if err != nil {
			return nil, &usageError{what: err.Error()}
		}
		rd.waits = r
	}
	return rd.waits, nil
}

// sayUnexplained says once that the reasons of waits cannot be found out. All else is shown.
func (rd *reader) sayUnexplained(err error) {
	if !rd.warned {
		rd.warned = true
		rd.say("what invoices wait for is not known: %s", connect.Explain(err))
	}
}

// ignoreUnexplained reports the error and returns nil. When ctx is done, it returns the error.
func (rd *reader) ignoreUnexplained(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil {
		return err
	}
	rd.sayUnexplained(err)
	return nil
}

// sayUnread says which entry or key could not be read. The other entries are shown.
func (rd *reader) sayUnread(u ledger.Unreadable) {
	rd.unread++
	if u.Shared() {
		rd.say("the ledger cannot be read in full: %v", u.Err)
		return
	}
	rd.say("%s: its entry cannot be read: %v", u.ID, u.Err)
}

// sayUnsure says that a name was not found, without a claim that no invoice has it. The messages
// before it say what could not be read.
func (rd *reader) sayUnsure(name string) {
	rd.say("%s: not found, but what cannot be read may have it, see above; do not send the invoice in another way", name)
}

// skip reports the unreadable entries that err is about, and returns nil. It returns any other
// error unchanged.
func (rd *reader) skip(err error) error {
	unread, err := ledger.Skip(err)
	for _, u := range unread {
		rd.sayUnread(u)
	}
	return err
}
