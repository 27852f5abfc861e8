package httpintake

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"ksefworker/internal/inquiry"
	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

// listAnswer is a page of invoices, the oldest change first.
type listAnswer struct {
	Items []invoiceAnswer `json:"items"`
	// Next is the cursor of the next page; "" when there is nothing more now. An invoice that
	// changes meanwhile is listed again, on a later page.
	Next string `json:"next,omitempty"`
}

const (
	pageSize    = 100 // when no limit is given
	maxPageSize = 1000
	// scanned is about how many entries one call reads to find those that match. When few of many
	// entries match, the answer is a page that is not full, with a cursor.
	scanned = 5000
)

func (l *listing) list(c *call) error {
	f, err := l.filterOf(c)
	if err != nil {
		return err
	}
	if err := c.complete(f.asked); err != nil {
		return err
	}
	if f.ref != "" || f.number != "" {
		return l.named(c, f)
	}
	return l.changed(c, f)
}

// named answers with the invoices of a ref or number. Such invoices are few, so there is one page.
// When none is listed, and the filter asks for no state that only invoices have, refused documents
// are looked up. So a program that asks by its ref learns that its document was refused. A key that
// cannot be read matters only when nothing is found.
func (l *listing) named(c *call, f filter) error {
	var invs []ledger.Invoice
	var err error
	switch {
	case f.state == results.Refused: // no invoice is in this state
	case f.ref != "":
		invs, err = l.o.Inquiry.FindRef(c.ctx(), f.ref, f.tenants...)
	default:
		invs, err = l.o.Inquiry.FindNumber(c.ctx(), f.number)
	}
	unread, err := ledger.Skip(err)
	if err != nil {
		return notNow(err)
	}
	invs = slices.DeleteFunc(invs, func(inv ledger.Invoice) bool { return !f.match(&inv) || inv.UpdatedAt < f.from.At })
	page, err := l.answersOf(c, invs)
	if err != nil {
		return err
	}
	sick, unread := apart(unread)
	lookups := newLookups()
	lookups.ask(l, c, &f, unread)
	for i := range unread {
		if lost := lookups.of(&unread[i]); f.matchLost(lost, c) {
			page = append(page, lost.answer())
		}
	}
	if len(page) == 0 && len(sick) > 0 { // a refused document says nothing of an invoice that may be here
		return inPart(sick)
	}
	if len(page) == 0 && f.mayBeRefused() {
		found, err := l.refused(c, &f)
		if err != nil && len(found) == 0 {
			return notNow(err)
		}
		for i := range found {
			page = append(page, answerOf(results.Explained(&found[i])))
		}
	}
	return c.json(http.StatusOK, listAnswer{Items: page})
}

// refused returns the refusals that a filter with a ref or number asks for. These are the refusals
// of the filter's tenants, and of the client's own documents of no tenant. A look-up reads every
// refusal in these lists. Many look-ups would slow down the calls of others, so a client may have
// only one look-up at a time.
func (l *listing) refused(c *call, f *filter) ([]ledger.Refusal, error) {
	select {
	case c.client.looking <- struct{}{}:
		defer func() { <-c.client.looking }()
	case <-c.ctx().Done():
		return nil, context.Cause(c.ctx())
	}
	lists := f.tenants
	if len(lists) == len(c.tenants()) { // no tenant was asked for
		lists = append(slices.Clone(lists), "")
	}
	look, name := l.o.Inquiry.RefusedRef, f.ref
	if name == "" {
		look, name = l.o.Inquiry.Refused, f.number
	}
	found, err := look(c.ctx(), name, lists...)
	return slices.DeleteFunc(found, func(r ledger.Refusal) bool {
		return r.Tenant == "" && r.By != c.client.Name || !f.matchRefused(&r)
	}), err
}

func (l *listing) answersOf(c *call, invs []ledger.Invoice) ([]invoiceAnswer, error) {
	page := make([]invoiceAnswer, 0, len(invs))
	found, err := l.o.Inquiry.Results(c.ctx(), invs)
	if err != nil {
		return nil, notNow(err)
	}
	for _, r := range found {
		page = append(page, answerOf(r))
	}
	return page, nil
}

// placed returns the answers about a page. Entries that cannot be read keep their places.
func (l *listing) placed(c *call, page []inquiry.Placed, lookups *lookups) ([]invoiceAnswer, error) {
	var invs []ledger.Invoice
	for i := range page {
		if page[i].Unread == nil {
			invs = append(invs, page[i].Invoice)
		}
	}
	read, err := l.answersOf(c, invs)
	if err != nil || len(invs) == len(page) {
		return read, err
	}
	out := make([]invoiceAnswer, 0, len(page))
	for i := range page {
		if u := page[i].Unread; u != nil {
			out = append(out, lookups.of(u).answer())
			continue
		}
		out, read = append(out, read[0]), read[1:]
	}
	return out, nil
}

// changed answers with a page of invoices in the order of their last change.
func (l *listing) changed(c *call, f filter) error {
	states := ledger.States()
	number := cmp.Or(f.ksefNumber, f.ksefNumberPrefix)
	switch {
	case f.state != "":
		states = []ledger.State{ledger.State(f.state)}
	case number != "":
		states = []ledger.State{ledger.Accepted, ledger.Receipted}
	}
	// A KSeF number has the day of acceptance in it. The entry was last changed on that day or
	// later, so entries that were last changed earlier need not be read.
	if at, ok := acceptedOn(number); ok && f.from.At < ledger.At(at) {
		f.from = ledger.Place{At: ledger.At(at)}
	}
	// When few entries may match, more are read at a time.
	n := f.limit
	if f.selects() {
		n = max(n, maxPageSize)
	}
	var page []inquiry.Placed
	lookups, more, odd, begin := newLookups(), false, misplaced{}, f.from
	for read := 0; !more; {
		some, next, err := l.o.Inquiry.Changed(c.ctx(), states, f.from, n)
		unread, err := ledger.Skip(err)
		if err != nil {
			return notNow(err)
		}
		if sick, _ := apart(unread); len(sick) > 0 { // the invoices of a state would be missing
			return inPart(sick)
		}
		odd.note(unread, some)
		if next == f.from {
			break
		}
		if part := lookups.askAll(l, c, &f, some); len(part) < len(some) {
			// The next page begins before the first damaged entry that this call does not look up.
			next, more = f.from, true
			if some = part; len(some) > 0 {
				next = some[len(some)-1].Place
			}
		}
		for i := range some {
			p := &some[i]
			if p.Unread == nil && f.match(&p.Invoice) || p.Unread != nil && f.matchLost(lookups.of(p.Unread), c) {
				page = append(page, *p)
			}
			if len(page) == f.limit {
				next = some[i].Place
				break
			}
		}
		f.from = next
		read += n
		more = more || read >= scanned || len(page) == f.limit
	}
	if !more && begin != (ledger.Place{}) { // a score such as 1.5 sorts before every time, and this list began after it
		_, err := l.o.Ledger.Changed(c.ctx(), states, ledger.Place{}, 1)
		unread, err := ledger.Skip(err)
		if err != nil {
			return notNow(err)
		}
		_, entries := apart(unread)
		odd.note(entries, nil)
	}
	answer := listAnswer{}
	var err error
	if answer.Items, err = l.placed(c, page, lookups); err != nil {
		return err
	}
	others, err := l.others(c, &f, odd, lookups)
	if err != nil {
		return err
	}
	answer.Items = append(answer.Items, others...)
	if more {
		answer.Next = cursorText(f.from)
	}
	return c.json(http.StatusOK, answer)
}

// acceptedOn returns an instant before the beginning of the day in a KSeF number (NIP-YYYYMMDD-…).
func acceptedOn(ksefNumber string) (time.Time, bool) {
	parts := strings.Split(ksefNumber, "-")
	if len(parts) < 2 {
		return time.Time{}, false
	}
	at, err := time.ParseInLocation("20060102", parts[1], time.UTC)
	return at.Add(-24 * time.Hour), err == nil // the day is Warsaw's, and begins before UTC's
}
