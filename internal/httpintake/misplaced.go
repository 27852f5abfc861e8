package httpintake

import (
	"slices"

	"ksefworker/internal/inquiry"
	"ksefworker/internal/ledger"
)

// misplaced are the invoices whose scores in an index are not valid times. They have no place in
// the order of last changes, so a list has them after the others of a page. Most of them are on the
// last page, because the ledger names them at the end. A program that lists page by page gets each
// of them at least once.
type misplaced []string // ids

// note remembers the unread entries that are not on the page.
func (m *misplaced) note(unread []ledger.Unreadable, page []inquiry.Placed) {
	placed := map[string]bool{}
	for i := range page {
		if u := page[i].Unread; u != nil {
			placed[u.ID] = true
		}
	}
	for i := range unread {
		if id := unread[i].ID; !placed[id] && !slices.Contains(*m, id) {
			*m = append(*m, id)
		}
	}
}

// others returns the answers about misplaced invoices that the filter selects. An entry that can be
// read is shown as it is. An entry that cannot be read is shown like one on the page that cannot be
// read.
func (l *listing) others(c *call, f *filter, ids misplaced, lookups *lookups) ([]invoiceAnswer, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	invs, err := l.o.Ledger.AllNamed(c.ctx(), ids)
	unread, err := ledger.Skip(err)
	if err != nil {
		return nil, notNow(err)
	}
	invs = slices.DeleteFunc(invs, func(inv ledger.Invoice) bool { return !f.match(&inv) || inv.UpdatedAt < f.since })
	out, err := l.answersOf(c, invs)
	if err != nil {
		return nil, err
	}
	lookups.ask(l, c, f, unread)
	for i := range unread {
		if lost := lookups.of(&unread[i]); f.matchLost(lost, c) {
			out = append(out, lost.answer())
		}
	}
	return out, nil
}

// apart splits what cannot be read into shared keys (see [ledger.Unreadable.Shared]) and entries.
func apart(unread []ledger.Unreadable) (keys, entries []ledger.Unreadable) {
	for _, u := range unread {
		if u.Shared() {
			keys = append(keys, u)
		} else {
			entries = append(entries, u)
		}
	}
	return keys, entries
}
