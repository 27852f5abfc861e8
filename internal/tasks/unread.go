package tasks

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/retry"
)

// An entry that cannot be read is of a newer build, or damaged. It concerns itself alone: whatever
// works on many entries goes on with the others, notes it for the metrics, and says so once.
//
// In a package it is neither there nor absent. The others are settled and get their receipts; the
// package itself does not end before the entry can be read, or is gone. Until then nothing is
// concluded from what a list does not contain: an answer that belongs to nobody may be the
// unreadable one's.

// errGone is what is noted of an entry that an index names and that is not there.
var errGone = errors.New("an index names it, and there is no such entry")

// skip takes an error of a reading apart, and notes what could not be read.
func (w *Worker) skip(ctx context.Context, err error) ([]ledger.Unreadable, error) {
	unread, err := ledger.Skip(err)
	if err != nil {
		return nil, err
	}
	w.noteUnread(ctx, unread)
	return unread, nil
}

// noteUnread notes entries, and says so of each once.
func (w *Worker) noteUnread(ctx context.Context, unread []ledger.Unreadable) {
	fresh, err := w.Ledger.NoteUnreadable(ctx, unread)
	w.warn(ctx, "note entries that cannot be read", err)
	for _, u := range fresh {
		w.o.Log.Error().Str("id", u.ID).Str("key", u.Key).Str("state", u.State).Err(u.Err).
			Msg("ledger entry left alone: it cannot be read")
	}
}

// invoices reads what an index named; what cannot be read, or is not there, is noted and left out.
func (w *Worker) invoices(ctx context.Context, ids []string) ([]ledger.Invoice, error) {
	invs, err := w.Ledger.Invoices(ctx, ids)
	unread, err := ledger.Skip(err)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for i := range invs {
		seen[invs[i].ID] = true
	}
	w.noteUnread(ctx, append(unread, gone("inv:", ids, seen, unread)...))
	return invs, nil
}

// packages does the same for packages.
func (w *Worker) packages(ctx context.Context, ids []string) ([]ledger.Package, error) {
	pkgs, err := w.Ledger.Packages(ctx, ids)
	unread, err := ledger.Skip(err)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for i := range pkgs {
		seen[pkgs[i].ID] = true
	}
	w.noteUnread(ctx, append(unread, gone("pkg:", ids, seen, unread)...))
	return pkgs, nil
}

func gone(kind string, ids []string, seen map[string]bool, unread []ledger.Unreadable) []ledger.Unreadable {
	if len(seen)+len(unread) >= len(ids) {
		return nil
	}
	for _, u := range unread {
		seen[u.ID] = true
	}
	var out []ledger.Unreadable
	for _, id := range ids {
		if !seen[id] {
			out = append(out, ledger.Unreadable{ID: id, Key: kind + id, Err: errGone})
		}
	}
	return out
}

// lookAgainAtOnce is how many noted entries one sweep looks at.
const lookAgainAtOnce = 200

func unreadLater(after time.Duration, n int) error {
	return later(after, retry.ReasonOther, fmt.Sprintf("%d entries of the package cannot be read", n))
}

// lookAgain forgets noted entries that can be read again, and reminds of the others.
func (w *Worker) lookAgain(ctx context.Context) error {
	over, err := w.Ledger.RecheckUnreadable(ctx, lookAgainAtOnce)
	if err != nil {
		return err
	}
	if over > 0 {
		w.o.Log.Info().Int("entries", over).Msg("ledger entries that could not be read can be read again, or are gone")
	}
	n, keys, err := w.Ledger.Unreadables(ctx, 5)
	if n > 0 && w.rarely.due("unreadable", w.o.Now()) {
		w.o.Log.Warn().Int64("entries", n).Strs("first", keys).
			Msg("ledger entries cannot be read: a newer worker has to take them, or a person to mend them")
	}
	return err
}

// rarely lets through what is said again and again, once an hour each.
type rarely struct {
	mu   sync.Mutex
	said map[string]time.Time
}

func (r *rarely) due(what string, now time.Time) bool { return r.dueEvery(time.Hour, what, now) }

func (r *rarely) dueEvery(every time.Duration, what string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at, ok := r.said[what]; ok && now.Sub(at) < every && now.Sub(at) >= 0 {
		return false
	}
	if r.said == nil {
		r.said = map[string]time.Time{}
	}
	r.said[what] = now
	return true
}
