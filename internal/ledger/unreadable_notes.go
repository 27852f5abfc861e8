package ledger

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// UnreadableStore keeps a list of the entries that cannot be read, of the records of refused
// documents that receivers cannot be told of, and of the shared keys that are sick.
type UnreadableStore struct {
	*store
	entries *EntryReader
}

// NoteUnreadable records entries that could not be read, for the metrics and the operator. It
// returns the newly recorded ones.
func (us *UnreadableStore) NoteUnreadable(ctx context.Context, entries []Unreadable) ([]Unreadable, error) {
	if len(entries) == 0 {
		return nil, nil
	}
	added := make([]*redis.IntCmd, len(entries))
	_, err := us.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, u := range entries {
			added[i] = p.ZAddNX(ctx, us.key(keyUnreadable), redis.Z{Member: u.Key}) // score 0: not checked again yet
		}
		return nil
	})
	if wrongType(err) { // the list of them is sick, so they are reported each time
		return entries, nil
	}
	if err != nil {
		return nil, fmt.Errorf("record unreadable entries: %w", err)
	}
	var fresh []Unreadable
	for i, u := range entries {
		if added[i].Val() == 1 {
			fresh = append(fresh, u)
		}
	}
	return fresh, nil
}

// Unreadables returns how many entries are recorded as unreadable, and the keys of up to limit of
// them.
func (us *UnreadableStore) Unreadables(ctx context.Context, limit int) (n int64, keys []string, err error) {
	var card *redis.IntCmd
	var first *redis.StringSliceCmd
	if _, err := us.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		card, first = p.ZCard(ctx, us.key(keyUnreadable)), p.ZRange(ctx, us.key(keyUnreadable), 0, int64(limit)-1)
		return nil
	}); wrongType(err) {
		return 0, nil, nil // the list is sick, and [UnreadableStore.SickKeys] names its key
	} else if err != nil {
		return 0, nil, fmt.Errorf("count unreadable entries: %w", err)
	}
	return card.Val(), first.Val(), nil
}

// RecheckUnreadable reads up to limit of the recorded entries again, beginning with those that were
// checked longest ago. It forgets entries that can be read now, and entries that are gone and have
// left every index. It returns how many it forgot. If a key that was seen sick is well again,
// RecheckUnreadable first lists all entries again.
func (us *UnreadableStore) RecheckUnreadable(ctx context.Context, limit int) (int, error) {
	if err := us.relist(ctx); err != nil {
		return 0, err
	}
	_, keys, err := us.Unreadables(ctx, limit)
	if err != nil || len(keys) == 0 {
		return 0, err
	}
	exists, frozen := make([]*redis.IntCmd, len(keys)), make([]*redis.BoolCmd, len(keys))
	named := make([][]*redis.FloatCmd, len(keys))
	if err := us.pipe(ctx, func(p redis.Pipeliner) {
		for i, key := range keys {
			exists[i] = p.Exists(ctx, us.key(key))
			if id, ok := strings.CutPrefix(key, keyInvoice); ok && inBuckets(id) {
				bucket, field := us.bucketOf(id)
				frozen[i] = p.HExists(ctx, bucket, field)
			}
			for _, index := range indexesOf(key) {
				named[i] = append(named[i], p.ZScore(ctx, us.key(index), key[len(keyInvoice):]))
			}
		}
	}); err != nil {
		return 0, fmt.Errorf("check unreadable entries: %w", err)
	}
	if err := restoreShapes(ctx, us.store); err != nil { // the shapes may be all that is missing
		return 0, err
	}
	unread, err := us.entries.unreadOf(ctx, keys)
	if err != nil {
		return 0, err
	}
	if err := us.recheckShared(ctx, keys, unread); err != nil {
		return 0, err
	}
	if err := recheckRefusals(ctx, us.store, keys, unread); err != nil {
		return 0, err
	}
	forgotten, now := 0, float64(time.Now().UnixMilli()) // the local clock will do: only the order of the times counts
	_, err = us.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, key := range keys {
			inIndex := slices.ContainsFunc(named[i], func(c *redis.FloatCmd) bool { return c.Err() == nil })
			lost := exists[i].Val() == 0 && inIndex && !(frozen[i] != nil && frozen[i].Val())
			if lost || unread[key] {
				p.ZAddXX(ctx, us.key(keyUnreadable), redis.Z{Score: now, Member: key})
			} else {
				p.ZRem(ctx, us.key(keyUnreadable), key)
				forgotten++
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("record unreadable entries: %w", err)
	}
	return forgotten, nil
}

// recheckShared adds the shared keys that are still sick to unread.
func (us *UnreadableStore) recheckShared(ctx context.Context, keys []string, unread map[string]bool) error {
	if !slices.ContainsFunc(keys, isShared) {
		return nil
	}
	sick, err := us.SickKeys(ctx)
	for _, u := range sick {
		unread[u.Key] = true
	}
	return err
}

// indexesOf lists the indexes by state that may contain an entry. It returns nil if key is not that
// of an entry.
func indexesOf(key string) []string {
	var out []string
	switch {
	case strings.HasPrefix(key, keyInvoice):
		for _, s := range States() {
			out = append(out, keyState+string(s))
		}
	case strings.HasPrefix(key, keyPackage):
		for _, s := range PackageStates() {
			out = append(out, keyPackageState+string(s))
		}
	}
	return out
}

// unreadOf returns the keys of those entries that cannot be read.
func (er *EntryReader) unreadOf(ctx context.Context, keys []string) (map[string]bool, error) {
	var invs, pkgs []string
	for _, key := range keys {
		if id, ok := strings.CutPrefix(key, keyInvoice); ok {
			invs = append(invs, id)
		} else if id, ok := strings.CutPrefix(key, keyPackage); ok {
			pkgs = append(pkgs, id)
		}
	}
	_, err := er.Invoices(ctx, invs)
	bad, err := Skip(err)
	if err != nil {
		return nil, err
	}
	_, err = er.Packages(ctx, pkgs)
	more, err := Skip(err)
	if err != nil {
		return nil, err
	}
	unread := map[string]bool{}
	for _, u := range append(bad, more...) {
		unread[u.Key] = true
	}
	return unread, nil
}
