package ledger

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Members lists the ids of the invoices that were put into a package, in the order of their
// ordinals. Some of the invoices may have left the package since. The caller can tell by the
// package that their entries name. A receipted package usually has no such list any more.
func (er *EntryReader) Members(ctx context.Context, pkg string) ([]string, error) {
	ids, err := er.rdb.ZRange(ctx, er.key(keyMembers, pkg), 0, -1).Result()
	if err != nil {
		return nil, fmt.Errorf("read invoices of %s: %w", pkg, err)
	}
	return ids, nil
}

// Held reads the invoices that a package holds now, in the order of their ordinals. With an
// [*UnreadableError] it returns those that could be read. The error names the unreadable invoices
// that the package holds or may hold.
func (er *EntryReader) Held(ctx context.Context, pkg string) ([]Invoice, error) {
	ids, err := er.Members(ctx, pkg)
	if err != nil {
		return nil, err
	}
	all, err := er.Invoices(ctx, ids)
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

// ByNumber lists the ids of invoices with this P_2, of any seller, in no particular order. An index
// by number would cost more than anything else when an invoice is taken in. Sellers and kinds are
// few, so ByNumber reads every identity that the number can belong to. With an [*UnreadableError],
// which names the sick keys (sick.go), there may be more invoices than those it returns.
func (er *EntryReader) ByNumber(ctx context.Context, number string) ([]string, error) {
	sellers, err := er.rdb.SMembers(ctx, er.key(keySellers)).Result()
	if err = sickOr(err, keySellers); err != nil {
		return nil, fmt.Errorf("look up number %q: %w", number, err)
	}
	digests, revisions := make([]string, len(sellers)), make([]*redis.StringSliceCmd, len(sellers))
	for i, s := range sellers {
		nip, kind, _ := strings.Cut(s, "|")
		digests[i] = Identity{nip, kind, number}.digest()
	}
	newest, err := er.readIdentities(ctx, digests)
	if err == nil {
		err = er.pipe(ctx, func(p redis.Pipeliner) {
			for i, digest := range digests {
				revisions[i] = p.SMembers(ctx, er.key(keyRevisions, digest))
			}
		})
	}
	if err != nil {
		return nil, fmt.Errorf("look up number %q: %w", number, err)
	}
	var ids, sick []string
	for i, digest := range digests {
		sick = append(sick, newest.sickKeys(i, digest)...)
		if wrongType(revisions[i].Err()) {
			sick = append(sick, keyRevisions+digest)
		}
		ids = append(ids, revisions[i].Val()...)
		if id := newest.id(i); id != "" {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	if err := sickNames(ctx, er.store, sick); err != nil {
		return slices.Compact(ids), fmt.Errorf("look up number %q: %w", number, err)
	}
	return slices.Compact(ids), nil
}

// InState lists up to limit ids of invoices in a state whose last change is within [from, to],
// oldest first. A zero time leaves that end open; limit 0 or less lists all. The error is an
// [*UnreadableError] when the index holds another type.
func (er *EntryReader) InState(ctx context.Context, s State, from, to time.Time, limit int) ([]string, error) {
	return er.byTime(ctx, keyState+string(s), from, to, limit)
}

// PackagesInState lists ids of packages as InState lists ids of invoices.
func (er *EntryReader) PackagesInState(ctx context.Context, s PackageState, from, to time.Time, limit int) ([]string, error) {
	return er.byTime(ctx, keyPackageState+string(s), from, to, limit)
}

func (st *store) byTime(ctx context.Context, key string, from, to time.Time, limit int) ([]string, error) {
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
	ids, err := st.rdb.ZRangeByScore(ctx, st.key(key), by).Result()
	return ids, sickOr(err, key)
}

// Counts returns how many invoices are in each state. A state is left out only if its index holds
// another type ([Ledger.SickKeys]).
func (er *EntryReader) Counts(ctx context.Context) (map[string]int64, error) {
	cmds := map[State]*redis.IntCmd{}
	err := er.pipe(ctx, func(p redis.Pipeliner) {
		for _, s := range States() {
			cmds[s] = p.ZCard(ctx, er.key(keyState, string(s)))
		}
	})
	if err != nil {
		return nil, fmt.Errorf("count invoices: %w", err)
	}
	out := make(map[string]int64, len(cmds))
	for s, c := range cmds {
		if c.Err() == nil {
			out[string(s)] = c.Val()
		}
	}
	return out, nil
}

// UnchangedSince counts the invoices of a state that have not changed since t.
func (er *EntryReader) UnchangedSince(ctx context.Context, s State, t time.Time) (int64, error) {
	n, err := er.rdb.ZCount(ctx, er.key(keyState, string(s)), "-inf", strconv.FormatInt(t.UnixMilli(), 10)).Result()
	if err != nil {
		return 0, fmt.Errorf("count %s invoices: %w", s, err)
	}
	return n, nil
}
