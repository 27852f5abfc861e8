package tasks

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/plural"
	"ksefworker/internal/retry"
)

// An entry that cannot be read was written by a newer build, or is damaged. Only this entry is
// concerned. Work on many entries goes on with the other entries, notes this entry for the metrics,
// and reports it once.
//
// Such an entry of a package counts neither as present nor as absent. The other invoices are
// settled and get their receipts, but the package itself ends only when the entry can be read or is
// gone. Until then nothing is concluded from an invoice that a list lacks, because an answer that
// belongs to no known invoice may belong to the unreadable entry.

// errGone is the error of an entry that an index names and that does not exist.
var errGone = errors.New("an index names this entry, but the entry does not exist")

// skip splits the error of a read. It notes and returns the entries that could not be read, or
// returns an error of any other kind.
func (c *core) skip(ctx context.Context, err error) ([]ledger.Unreadable, error) {
	unread, err := ledger.Skip(err)
	if err != nil {
		return nil, err
	}
	c.noteUnread(ctx, unread)
	return unread, nil
}

// noteUnread notes entries that cannot be read, and reports each of them once.
func (c *core) noteUnread(ctx context.Context, unread []ledger.Unreadable) {
	fresh, err := c.Ledger.NoteUnreadable(ctx, unread)
	c.warn(ctx, "note entries that cannot be read", err)
	for _, u := range fresh {
		c.o.Log.Error().Str("id", u.ID).Str("key", u.Key).Str("state", u.State).Err(u.Err).
			Msg("ledger entry left alone: it cannot be read")
	}
}

// invoices reads the invoices that an index named. An entry that is unreadable or missing is noted
// and left out.
func (c *core) invoices(ctx context.Context, ids []string) ([]ledger.Invoice, error) {
	invs, err := c.Ledger.Invoices(ctx, ids)
	unread, err := ledger.Skip(err)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for i := range invs {
		seen[invs[i].ID] = true
	}
	c.noteUnread(ctx, append(unread, missing("inv:", ids, seen, unread)...))
	return invs, nil
}

// packages does the same as invoices, for packages.
func (c *core) packages(ctx context.Context, ids []string) ([]ledger.Package, error) {
	pkgs, err := c.Ledger.Packages(ctx, ids)
	unread, err := ledger.Skip(err)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for i := range pkgs {
		seen[pkgs[i].ID] = true
	}
	c.noteUnread(ctx, append(unread, missing("pkg:", ids, seen, unread)...))
	return pkgs, nil
}

func missing(kind string, ids []string, seen map[string]bool, unread []ledger.Unreadable) []ledger.Unreadable {
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

// recheckAtOnce is how many noted entries one sweep checks.
const recheckAtOnce = 200

func unreadLater(after time.Duration, n int) error {
	return later(after, retry.ReasonOther, plural.Of(n, "entry", "entries")+" of the package cannot be read")
}

// noteSickKeys reports keys that many entries share and that hold another type than the ledger
// writes.
func (sw *sweeper) noteSickKeys(ctx context.Context) error {
	if err := sw.Ledger.SeeSickBuckets(ctx); err != nil {
		return err
	}
	sick, err := sw.Ledger.SeeSickKeys(ctx)
	if err != nil {
		return err
	}
	isSick := func(name string) bool {
		return slices.ContainsFunc(sick, func(u ledger.Unreadable) bool { return "sick "+u.Key == name })
	}
	for _, name := range sw.rarely.over("sick ", isSick) {
		sw.o.Log.Info().Str("key", strings.TrimPrefix(name, "sick ")).Msg("a key of Redis that was sick is well again, or gone")
	}
	_, err = sw.Ledger.NoteUnreadable(ctx, sick)
	for _, u := range sick {
		if sw.rarely.due("sick "+u.Key, sw.o.Now()) {
			sw.o.Log.Error().Str("key", u.Key).Err(u.Err).Msg("a key of Redis that entries share is sick: what it lists may not be found")
		}
	}
	return err
}

// noteNotKept reports outcomes that no receiver is told of, because they could not be kept.
func noteNotKept(ctx context.Context, c *core) error {
	lost, err := c.Ledger.NotKept(ctx)
	if sick, other := ledger.Skip(err); sick != nil {
		return other // the part "shared keys" reports the key
	}
	if lost.N == 0 && err == nil {
		c.rarely.over("not kept", nil)
	}
	if lost.N > 0 && c.rarely.due("not kept", c.o.Now()) {
		c.o.Log.Error().Int64("outcomes", lost.N).Time("since", lost.Since).Msg(lost.String())
	}
	return err
}

// recheckUnreadable removes the note of entries that can be read again or are gone, and logs a
// reminder of the others.
func (sw *sweeper) recheckUnreadable(ctx context.Context) error {
	resolved, err := sw.Ledger.RecheckUnreadable(ctx, recheckAtOnce)
	if err != nil {
		return err
	}
	if resolved > 0 {
		sw.o.Log.Info().Int("entries", resolved).Msg("ledger entries that could not be read can be read again, or are gone")
	}
	n, keys, err := sw.Ledger.Unreadables(ctx, 5)
	if n == 0 && err == nil {
		sw.rarely.over("unreadable", nil)
	}
	if n > 0 && sw.rarely.due("unreadable", sw.o.Now()) {
		sw.o.Log.Warn().Int64("entries", n).Strs("first", keys).
			Msg("ledger entries cannot be read: a newer worker has to take them, or a person has to fix them")
	}
	return err
}

// rarely lets each repeated message through once in a period, which is an hour unless the caller
// names another. Safe for concurrent use.
type rarely struct {
	mu     sync.Mutex
	logged map[string]time.Time
}

func (r *rarely) due(what string, now time.Time) bool { return r.dueEvery(time.Hour, what, now) }

func (r *rarely) dueEvery(every time.Duration, what string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at, ok := r.logged[what]; ok && now.Sub(at) < every && now.Sub(at) >= 0 {
		return false
	}
	if r.logged == nil {
		r.logged = map[string]time.Time{}
	}
	r.logged[what] = now
	return true
}

// over ends the messages whose names begin with prefix, unless goesOn reports true for the name. If
// one of them begins again, it is let through at once. over returns the names of those that ended.
func (r *rarely) over(prefix string, goesOn func(name string) bool) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var ended []string
	for name := range r.logged {
		if strings.HasPrefix(name, prefix) && (goesOn == nil || !goesOn(name)) {
			delete(r.logged, name)
			ended = append(ended, name)
		}
	}
	return ended
}
