package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// ErrNotFound is returned for an id that the ledger does not know.
var ErrNotFound = errors.New("not in the ledger")

// Invoice reads one entry; [ErrNotFound] when there is none, an [*UnreadableError] when there is
// one that cannot be read.
func (l *Ledger) Invoice(ctx context.Context, id string) (Invoice, error) {
	inv, bad, err := l.readInvoice(id, l.rdb.HGetAll(ctx, l.key(keyInvoice, id)))
	return inv, one(id, bad, err)
}

// Known tells of each id whether there is an entry, in one round trip.
func (l *Ledger) Known(ctx context.Context, ids []string) ([]bool, error) {
	cmds := make([]*redis.IntCmd, len(ids))
	_, err := l.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, id := range ids {
			cmds[i] = p.Exists(ctx, l.key(keyInvoice, id))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look for %d invoices: %w", len(ids), err)
	}
	out := make([]bool, len(ids))
	for i, c := range cmds {
		out[i] = c.Val() > 0
	}
	return out, nil
}

// Package reads one package; the errors are as those of Invoice.
func (l *Ledger) Package(ctx context.Context, id string) (Package, error) {
	p, bad, err := readPackage(id, l.rdb.HGetAll(ctx, l.key(keyPackage, id)))
	return p, one(id, bad, err)
}

func one(id string, bad *Unreadable, err error) error {
	switch {
	case bad != nil:
		return &UnreadableError{Entries: []Unreadable{*bad}}
	case err != nil:
		return fmt.Errorf("read %s: %w", id, err)
	}
	return nil
}

// Invoices reads many entries in one round trip, in the given order; ids that are unknown are left
// out. With an [*UnreadableError] all that could be read are returned.
func (l *Ledger) Invoices(ctx context.Context, ids []string) ([]Invoice, error) {
	return many(ctx, l, keyInvoice, ids, l.readInvoice)
}

// Packages reads many packages likewise.
func (l *Ledger) Packages(ctx context.Context, ids []string) ([]Package, error) {
	return many(ctx, l, keyPackage, ids, readPackage)
}

func many[E any](ctx context.Context, l *Ledger, kind string, ids []string,
	read func(string, *redis.MapStringStringCmd) (E, *Unreadable, error)) ([]E, error) {
	out := make([]E, 0, len(ids))
	var unread []Unreadable
	for chunk := range slices.Chunk(ids, 1000) {
		cmds := make([]*redis.MapStringStringCmd, len(chunk))
		if err := l.pipe(ctx, func(p redis.Pipeliner) {
			for i, id := range chunk {
				cmds[i] = p.HGetAll(ctx, l.key(kind, id))
			}
		}); err != nil {
			return nil, fmt.Errorf("read entries: %w", err)
		}
		for i, cmd := range cmds {
			switch e, bad, err := read(chunk[i], cmd); {
			case bad != nil:
				unread = append(unread, *bad)
			case err == nil:
				out = append(out, e)
			case !errors.Is(err, ErrNotFound):
				return nil, fmt.Errorf("read %s: %w", chunk[i], err)
			}
		}
	}
	return out, some(unread)
}

func (l *Ledger) readInvoice(id string, cmd *redis.MapStringStringCmd) (inv Invoice, bad *Unreadable, err error) {
	m, bad, err := fieldsOf(keyInvoice+id, id, cmd)
	if m == nil {
		return inv, bad, err
	}
	scanned := damaged(cmd.Scan(&inv))
	inv.Reason = l.openReason(id, inv.Reason)
	unpacked := inv.unpackFacts(m["facts"])
	err = sound(inv.V, cmp.Or(unpacked, scanned), inv.ID == id && inv.Rev > 0 && inv.State != "", slices.Contains(States(), inv.State))
	return inv, unread(keyInvoice+id, id, m, err), nil
}

func readPackage(id string, cmd *redis.MapStringStringCmd) (p Package, bad *Unreadable, err error) {
	m, bad, err := fieldsOf(keyPackage+id, id, cmd)
	if m == nil {
		return p, bad, err
	}
	scanned := damaged(cmd.Scan(&p))
	v, _ := strconv.Atoi(m["v"]) // another field may have ended the scan before it
	err = sound(v, scanned, p.ID == id && p.Rev > 0 && p.State != "", slices.Contains(PackageStates(), p.State))
	return p, unread(keyPackage+id, id, m, err), nil
}

// fieldsOf gives what Redis answered. Without fields it tells why: the key holds something else,
// there is none, or Redis did not answer.
func fieldsOf(key, id string, cmd *redis.MapStringStringCmd) (map[string]string, *Unreadable, error) {
	m, err := cmd.Result()
	switch {
	case wrongType(err):
		return nil, &Unreadable{ID: id, Key: key, Err: fmt.Errorf("%w: its key holds something else", errDamaged), Opaque: true}, nil
	case err != nil:
		return nil, nil, err
	case len(m) == 0:
		return nil, nil, ErrNotFound
	}
	return m, nil, nil
}

func unread(key, id string, m map[string]string, err error) *Unreadable {
	if err == nil {
		return nil
	}
	return &Unreadable{ID: id, Key: key, Err: err, State: m["state"], Package: m["package"]}
}

// damaged says what is wrong without quoting it: what stands there instead may be anything.
func damaged(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: a field that is a number holds something else", errDamaged)
}

// sound says why an entry cannot be used, if so. Its version comes first: what is newer may have
// other fields, too. A state that is not known is a newer build's.
func sound(version int, parsed error, whole, known bool) error {
	switch {
	case version > Version:
		return fmt.Errorf("%w: layout %d, this build knows %d", ErrNewer, version, Version)
	case parsed != nil:
		return parsed
	case version < 1 || !whole:
		return fmt.Errorf("%w: its version, id, state or revision is missing", errDamaged)
	case !known:
		return fmt.Errorf("%w: its state is not known here", ErrNewer)
	}
	return nil
}

// Members lists the ids that were put into a package, in the order of their ordinals. One that was released since
// carries another package in its entry: the caller compares.
func (l *Ledger) Members(ctx context.Context, pkg string) ([]string, error) {
	ids, err := l.rdb.ZRange(ctx, l.key(keyMembers, pkg), 0, -1).Result()
	if err != nil {
		return nil, fmt.Errorf("read invoices of %s: %w", pkg, err)
	}
	return ids, nil
}

// Held reads the invoices that a package holds now, in the order of their ordinals. With an
// [*UnreadableError] those that could be read are returned, and named are those that the package
// holds, or may hold.
func (l *Ledger) Held(ctx context.Context, pkg string) ([]Invoice, error) {
	ids, err := l.Members(ctx, pkg)
	if err != nil {
		return nil, err
	}
	all, err := l.Invoices(ctx, ids)
	unread, err := Skip(err)
	if err != nil {
		return nil, err
	}
	held := all[:0]
	for _, inv := range all {
		if inv.Package == pkg {
			held = append(held, inv)
		}
	}
	return held, some(slices.DeleteFunc(unread, func(u Unreadable) bool { return !u.Opaque && u.Package != pkg }))
}

// ByNumber lists ids of invoices with this P_2, of any seller, in no order that means anything. An index by number would cost more than anything else at
// taking in; sellers and kinds are few, so all identities that the number can belong to are asked for.
func (l *Ledger) ByNumber(ctx context.Context, number string) ([]string, error) {
	sellers, err := l.rdb.SMembers(ctx, l.key(keySellers)).Result()
	if err != nil {
		return nil, fmt.Errorf("look up number %q: %w", number, err)
	}
	var newest []*redis.StringCmd
	var revisions []*redis.StringSliceCmd
	err = l.pipe(ctx, func(p redis.Pipeliner) {
		for _, s := range sellers {
			nip, kind, _ := strings.Cut(s, "|")
			digest := Identity{nip, kind, number}.digest()
			newest = append(newest, p.Get(ctx, l.key(keyIdentity, digest)))
			revisions = append(revisions, p.SMembers(ctx, l.key(keyRevisions, digest)))
		}
	})
	if err != nil {
		return nil, fmt.Errorf("look up number %q: %w", number, err)
	}
	var ids []string
	for i := range newest {
		ids = append(ids, revisions[i].Val()...)
		if id := newest[i].Val(); id != "" {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// InState lists up to limit ids of invoices in a state that changed last within [from, to], oldest first.
// Zero times are open ends.
func (l *Ledger) InState(ctx context.Context, s State, from, to time.Time, limit int) ([]string, error) {
	return l.byTime(ctx, l.key(keyState, string(s)), from, to, limit)
}

// PackagesInState does the same for packages.
func (l *Ledger) PackagesInState(ctx context.Context, s PackageState, from, to time.Time, limit int) ([]string, error) {
	return l.byTime(ctx, l.key(keyPackageState, string(s)), from, to, limit)
}

func (l *Ledger) byTime(ctx context.Context, key string, from, to time.Time, limit int) ([]string, error) {
	by := &redis.ZRangeBy{Min: "-inf", Max: "+inf", Count: int64(limit)}
	if !from.IsZero() {
		by.Min = strconv.FormatInt(from.UnixMilli(), 10)
	}
	if !to.IsZero() {
		by.Max = strconv.FormatInt(to.UnixMilli(), 10)
	}
	if limit <= 0 {
		by.Count = -1
	}
	return l.rdb.ZRangeByScore(ctx, key, by).Result()
}

// Due lists up to limit ids of invoices on their way, which KSeF does not have yet, whose legal deadline is before t, nearest first.
func (l *Ledger) Due(ctx context.Context, t time.Time, limit int) ([]string, error) {
	return l.byTime(ctx, l.key(keyDue), time.Time{}, t, limit)
}

// Counts tells how many invoices are in each state; every state has an entry.
func (l *Ledger) Counts(ctx context.Context) (map[string]int64, error) {
	cmds := map[State]*redis.IntCmd{}
	_, err := l.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, s := range States() {
			cmds[s] = p.ZCard(ctx, l.key(keyState, string(s)))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("count invoices: %w", err)
	}
	out := make(map[string]int64, len(cmds))
	for s, c := range cmds {
		out[string(s)] = c.Val()
	}
	return out, nil
}

// Stood counts the invoices of a state that have not changed since t.
func (l *Ledger) Stood(ctx context.Context, s State, t time.Time) (int64, error) {
	n, err := l.rdb.ZCount(ctx, l.key(keyState, string(s)), "-inf", strconv.FormatInt(t.UnixMilli(), 10)).Result()
	if err != nil {
		return 0, fmt.Errorf("count %s invoices: %w", s, err)
	}
	return n, nil
}

// Waiting describes one waiting set.
type Waiting struct {
	Group    Group
	Count    int
	Bytes    int64
	Oldest   time.Time // when the one that waits longest began to wait
	Newest   time.Time
	Deadline time.Time // the nearest legal one
}

// Waits describes every waiting set that is not empty, in two round trips whatever their number.
func (l *Ledger) Waits(ctx context.Context) ([]Waiting, error) {
	names, err := l.rdb.SMembers(ctx, l.key(keyGroups)).Result()
	if err != nil || len(names) == 0 {
		return nil, err
	}
	type look struct {
		count          *redis.IntCmd
		bytes          *redis.StringCmd
		old, fresh, dl *redis.ZSliceCmd
	}
	looks := make([]look, len(names))
	err = l.pipe(ctx, func(p redis.Pipeliner) {
		for i, n := range names {
			looks[i] = look{
				count: p.ZCard(ctx, l.key(keyWait, n)),
				bytes: p.HGet(ctx, l.key(keyWaitSize), n),
				old:   p.ZRangeWithScores(ctx, l.key(keyWaitAge, n), 0, 0),
				fresh: p.ZRangeWithScores(ctx, l.key(keyWaitAge, n), -1, -1),
				dl:    p.ZRangeWithScores(ctx, l.key(keyWait, n), 0, 0),
			}
		}
	})
	if err != nil {
		return nil, fmt.Errorf("read waiting sets: %w", err)
	}
	var out []Waiting
	for i, n := range names {
		g, ok := ParseGroup(n)
		if !ok || looks[i].count.Val() == 0 {
			continue
		}
		bytes, _ := looks[i].bytes.Int64()
		out = append(out, Waiting{Group: g, Count: int(looks[i].count.Val()), Bytes: bytes,
			Oldest: score(looks[i].old), Newest: score(looks[i].fresh), Deadline: score(looks[i].dl)})
	}
	return out, nil
}

// FirstWaiting lists the n most urgent ids of a waiting set.
func (l *Ledger) FirstWaiting(ctx context.Context, g Group, n int) ([]string, error) {
	return l.rdb.ZRange(ctx, l.key(keyWait, g.Name()), 0, int64(n)-1).Result()
}

func score(c *redis.ZSliceCmd) time.Time {
	z := c.Val()
	if len(z) == 0 {
		return time.Time{}
	}
	return Millis(z[0].Score).Time()
}

// AtRisk tells how many undecided invoices have their legal deadline before t, and the nearest deadline of all (zero when nothing is undecided).
func (l *Ledger) AtRisk(ctx context.Context, t time.Time) (n int64, next time.Time, err error) {
	var count *redis.IntCmd
	var first *redis.ZSliceCmd
	_, err = l.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		count = p.ZCount(ctx, l.key(keyDue), "-inf", strconv.FormatInt(t.UnixMilli(), 10))
		first = p.ZRangeWithScores(ctx, l.key(keyDue), 0, 0)
		return nil
	})
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("read deadlines: %w", err)
	}
	return count.Val(), score(first), nil
}
