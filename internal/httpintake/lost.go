package httpintake

import (
	"cmp"
	"slices"
	"strings"

	"ksefworker/internal/inquiry"
	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

// lookups are the damaged entries that one call has looked up in the archive for a list. Their
// number is bounded.
type lookups struct {
	found map[string]results.Result // by id
	left  int                       // how many more the call may look up
}

func newLookups() *lookups { return &lookups{found: map[string]results.Result{}, left: insteadMost} }

// ask looks up entries in the archive, as many as the call may still look up. It leaves out the
// rest.
func (lu *lookups) ask(l *listing, c *call, f *filter, unread []ledger.Unreadable) {
	var ids []string
	for i := range unread {
		if f.worthAsking(&unread[i]) {
			ids = append(ids, unread[i].ID)
		}
	}
	found, _ := l.archived(c, ids[:min(len(ids), lu.left)]...) // the entries are shown even without their archived results
	lu.note(found)
}

// askAll looks up the damaged entries of some places of a list, and returns these places up to the
// first entry that the call may not look up any more. The next page begins there, so that no entry
// is left out.
func (lu *lookups) askAll(l *listing, c *call, f *filter, some []inquiry.Placed) []inquiry.Placed {
	var ids []string
	for i := range some {
		if u := some[i].Unread; u == nil || !f.worthAsking(u) {
			continue
		}
		if len(ids) == lu.left {
			some = some[:i]
			break
		}
		ids = append(ids, some[i].Unread.ID)
	}
	lu.left -= len(ids)
	found, _ := l.archived(c, ids...)
	lu.note(found)
	return some
}

func (lu *lookups) note(found map[string]results.Result) {
	for id, r := range found {
		lu.found[id] = r
	}
}

func (lu *lookups) of(u *ledger.Unreadable) *lost {
	l := newLost(u, lu.found)
	return &l
}

// worthAsking reports whether the archive may have something to say of an entry that cannot be
// read, for the client that asks.
func (f *filter) worthAsking(u *ledger.Unreadable) bool {
	return ledger.Damaged(u.Err) && (u.Tenant == "" || slices.Contains(f.tenants, u.Tenant))
}

// matchLost reports whether the filter may select an entry that cannot be read. The facts of an
// invoice that never change are taken from its archived result, if there is one. Its state may
// match in the ledger or in that result. A result that has no KSeF number may be from before the
// invoice got one.
func (f *filter) matchLost(l *lost, c *call) bool {
	r := l.archived
	if r == nil {
		return f.matchUnread(&l.Unreadable, c)
	}
	state, numbered := f.mayBeIn(&l.Unreadable), r.KsefNumber
	if now := l.instead(); now != nil {
		state = state || f.state == "" || f.state == now.State
	} else if numbered == "" {
		numbered = cmp.Or(f.ksefNumber, f.ksefNumberPrefix)
	}
	return state && slices.Contains(f.tenants, l.Tenant) &&
		(f.number == "" || inquiry.SameNumber(f.number, r.Number)) &&
		(f.ksefNumber == "" || f.ksefNumber == numbered) &&
		(f.day == "" || f.day == r.IssueDate) &&
		inquiry.NumberBegins(r.Number, f.numberPrefix) && strings.HasPrefix(numbered, f.ksefNumberPrefix)
}
