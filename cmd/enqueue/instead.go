package main

import (
	"context"
	"slices"

	"ksefworker/internal/connect"
	"ksefworker/internal/ledger"
	"ksefworker/internal/records"
	"ksefworker/internal/results"
)

// skipNamed is skip for entries that a person has named. For each damaged entry it returns what the
// archive has of the invoice, and says what to do about the entry. unread is true when err is about
// unreadable entries. other is every other error.
func (rd *reader) skipNamed(ctx context.Context, err error) (instead []results.Result, unread bool, other error) {
	entries, err := ledger.Skip(err)
	if err != nil {
		return nil, false, err
	}
	archived := &records.Reader{Store: rd.base.Store}
	for i := range entries {
		u := &entries[i]
		rd.sayUnread(*u)
		if !ledger.Damaged(u.Err) {
			continue
		}
		r, ok, err := archived.Instead(ctx, u)
		switch {
		case ctx.Err() != nil:
			return nil, true, err
		case err != nil:
			rd.say("%s: the archive cannot be asked for it: %s%s", u.ID, connect.Explain(err), aboutDamage(u.Err))
		case !ok && r.ID != "":
			rd.say("%s: the archive has a result of it (%s), but the invoice may have changed since; enqueue find shows that result%s",
				u.ID, r.State, aboutDamage(u.Err))
		case !ok:
			rd.say("%s: the archive does not have it either%s", u.ID, aboutDamage(u.Err))
		default:
			rd.say("%s: this is what the archive has of it%s", u.ID, aboutDamage(u.Err))
			instead = append(instead, r)
		}
	}
	return instead, len(entries) > 0, nil
}

// hasShared reports whether an error names a key that serves to find entries. Then a look-up may
// have missed invoices.
func hasShared(err error) bool {
	unread, _ := ledger.Skip(err)
	return slices.ContainsFunc(unread, ledger.Unreadable.Shared)
}

// aboutDamage returns what to do about an entry of the ledger that is damaged; "" when a newer
// version wrote it.
func aboutDamage(err error) string {
	if !ledger.Damaged(err) {
		return ""
	}
	return "; do not send it in another way: keep a copy of Redis's data, delete nothing, " +
		"and see KsefUnreadableEntries in docs/runbook.md"
}
