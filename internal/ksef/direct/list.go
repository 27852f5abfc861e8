package direct

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/httponce"
	"ksefworker/internal/ksef/lenient"
	"ksefworker/internal/ksef/numbers"
)

type invoicesWire struct {
	ContinuationToken string                    `json:"continuationToken"`
	Invoices          lenient.List[invoiceWire] `json:"invoices"`
}

// InvoicePage is a piece of a session's list.
type InvoicePage struct {
	Invoices []ksef.InvoiceInfo
	// Next asks for the following page; "" when there is none.
	Next string

	references []string
}

// SessionInvoicePage reads one page of a session's list, numbers.MaxListPage invoices at most. For
// the first page next is "". For each later page it is Next of the page before. failed asks for
// refused invoices only.
func (c *Client) SessionInvoicePage(ctx context.Context, session, next string, failed bool) (InvoicePage, error) {
	format := "/sessions/%s/invoices"
	if failed {
		format += "/failed"
	}
	k := get("list session invoices", ksef.GroupSessionInvoiceList, format, session).UpTo(httponce.PageAnswer)
	k = from(query(k, "pageSize", strconv.Itoa(numbers.MaxListPage)), next)
	var wire invoicesWire
	err := c.do(ctx, k, func(a *httponce.Answer) error {
		return a.Checked(&wire, func() error {
			return whole("invoices", wire.Invoices.Given, wire.Invoices.TooLong)
		})
	})
	if err != nil {
		return InvoicePage{}, err
	}
	page := InvoicePage{Next: wire.ContinuationToken, Invoices: make([]ksef.InvoiceInfo, 0, len(wire.Invoices.Entries))}
	for _, i := range wire.Invoices.Entries {
		page.Invoices = append(page.Invoices, i.InvoiceInfo)
		page.references = append(page.references, i.reference)
	}
	return page, nil
}

// SessionInvoices lists all invoices of a session, page by page. If it cannot read the whole list,
// it returns an error and no part of the list, because an invoice missing from the list would count
// as never arrived. When a request fails, the pages that were read are kept for a while, and the
// next call continues after them. So a list of ten pages survives an interruption by a limit.
func (c *Client) SessionInvoices(ctx context.Context, id string) ([]ksef.InvoiceInfo, error) {
	l := c.lists.take(id)
	for {
		page, err := c.SessionInvoicePage(ctx, id, l.next, false)
		if e, ok := errors.AsType[*ksef.APIError](err); ok && e.Code == ksef.CodePageToken && l.next != "" {
			l = newList() // the place in the list is gone: begin again
			continue
		}
		if err != nil {
			c.lists.put(id, l)
			return nil, err
		}
		if err := l.add(page); err != nil {
			return nil, &ksef.APIError{Op: "list session invoices", Group: ksef.GroupSessionInvoiceList,
				Kind: ksef.KindUnreadable, Err: err}
		}
		if l.next == "" {
			return l.invoices, nil
		}
	}
}

// list is what was read of a session's list.
type list struct {
	invoices []ksef.InvoiceInfo
	seen     map[string]bool // references
	places   map[string]bool // continuation tokens of the pages that were read
	next     string
	at       time.Time
}

func newList() *list { return &list{seen: map[string]bool{}, places: map[string]bool{}} }

// add appends a page. It returns an error when the page can't belong to the list: its token or one
// of its invoices came before, it is empty but names a next page, or the list gets too long or does
// not end. The pages read so far would look like the whole list without the error.
func (l *list) add(p InvoicePage) error {
	if p.Next != "" && l.places[p.Next] {
		return errors.New("a continuation token of the list came twice")
	}
	if p.Next != "" && len(p.Invoices) == 0 {
		return errors.New("an empty page of the list names a next page")
	}
	switch n := len(l.places); {
	case n > fewPages && len(l.invoices)/n < minListPage:
		return fmt.Errorf("the list does not end: pages so far: %d, invoices: %d", n, len(l.invoices))
	case len(l.invoices)+len(p.Invoices) > numbers.MaxListed:
		return fmt.Errorf("the list has more invoices than any session may have (%d)", numbers.MaxListed)
	}
	for _, r := range p.references {
		if r != "" && l.seen[r] {
			return errors.New("an invoice is in the list twice")
		}
		l.seen[r] = true
	}
	l.invoices, l.next, l.places[p.Next] = append(l.invoices, p.Invoices...), p.Next, true
	return nil
}

// A list that never ends would use up the requests of all the tenant's sessions. So when more than
// fewPages pages were read, they must have minListPage invoices on average. KSeF's default page has
// 10 invoices, and this client asks for 1,000.
const (
	fewPages    = 20
	minListPage = 10
)

// Bounds of the lists that are kept. An invoice takes about half a kilobyte. A session has up to
// 10,000 invoices by default, and never more than numbers.MaxListed. keptFor is longer than the
// wait for a per-minute limit. The list of a session that has ended stays true for that long,
// because such a session does not change.
const (
	keptLists = 8
	keptFor   = 10 * time.Minute
)

// lists keeps lists that were interrupted. The clock, now, must be set before the first use.
type lists struct {
	now func() time.Time

	mu   sync.Mutex
	kept map[string]*list
}

// take removes the kept list of a session and returns it. It returns an empty list when none is
// kept, or when the kept list is too old. So two calls at the same time read the list twice, and
// neither sees what the other has read.
func (l *lists) take(session string) *list {
	l.mu.Lock()
	defer l.mu.Unlock()
	got := l.kept[session]
	delete(l.kept, session)
	if got == nil || l.now().Sub(got.at) > keptFor {
		return newList()
	}
	return got
}

func (l *lists) put(session string, got *list) {
	if got.next == "" {
		return // nothing was read
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.kept == nil {
		l.kept = map[string]*list{}
	}
	got.at = l.now()
	l.kept[session] = got
	for len(l.kept) > keptLists {
		oldest := session
		for name, other := range l.kept {
			if other.at.Before(l.kept[oldest].at) {
				oldest = name
			}
		}
		delete(l.kept, oldest)
	}
}
