package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// purgePage is about how many keys one step of [Ledger.Purge] reads. Redis does nothing else
// meanwhile.
const purgePage = 1000

// purgePasses bounds how often Purge goes through all keys. The second pass finds keys only if a
// process still writes.
const purgePasses = 5

// Purge deletes every key under the ledger's prefix, including those of the limiter, and counts
// them by the first word of their names. The keys of the queues are under the prefix too, unless
// the prefix is the default one. An entry in a bucket counts as a key with the first word inv, too.
// at is the home that the caller read. If the home has changed since, Purge deletes nothing and
// returns a [*HomeError]. Before it deletes anything, Purge marks the home as being purged, so that
// no process works with half a ledger. The home is deleted last, so that a purge that was cut off
// can be run again. The parameter "also" is a function that deletes the queues, and whatever else
// the pool keeps under other prefixes. Purge calls this function before any key is deleted. The
// function "progress" is told how many keys were deleted so far. Both functions may be nil.
//
// The caller checks what the entries are and whether workers are alive.
func (hs *HomeStore) Purge(
	ctx context.Context, at Home, also func(context.Context) error, progress func(deleted int64),
) (map[string]int64, error) {
	now, raw, err := hs.home(ctx)
	if err != nil {
		return nil, err
	}
	if now != at {
		return nil, &HomeError{Home: now, Here: at, Prefix: hs.prefix}
	}
	marked := at
	marked.Purging = true
	if now, _, err = hs.writeHome(ctx, marked, raw); err != nil {
		return nil, err
	}
	if now != marked {
		return nil, &HomeError{Home: now, Here: at, Prefix: hs.prefix}
	}
	if also != nil {
		if err := also(ctx); err != nil {
			return nil, err
		}
	}
	counts := map[string]int64{}
	total := int64(0)
	for range purgePasses {
		before := total
		if err := hs.purgePass(ctx, func(keys []string, inBuckets int64) {
			if inBuckets > 0 {
				counts[strings.TrimSuffix(keyInvoice, ":")] += inBuckets
			}
			for _, key := range keys {
				word, _, _ := strings.Cut(strings.TrimPrefix(key, hs.prefix), ":")
				counts[word]++
			}
			if total += int64(len(keys)); progress != nil {
				progress(total)
			}
		}); err != nil {
			return counts, fmt.Errorf("purge the ledger: %w", err)
		}
		if total == before {
			if err := hs.rdb.Unlink(ctx, hs.key(keyHome)).Err(); err != nil {
				return counts, fmt.Errorf("delete the ledger's home: %w", err)
			}
			return counts, nil
		}
	}
	return counts, errors.New("new keys appear as fast as they are deleted: stop the processes that still write here, then purge again")
}

func (hs *HomeStore) purgePass(ctx context.Context, deleted func(keys []string, inBuckets int64)) error {
	match, home := hs.everyKey(), hs.key(keyHome)
	for cursor := uint64(0); ; {
		keys, next, err := hs.rdb.Scan(ctx, cursor, match, purgePage).Result()
		if err != nil {
			return err
		}
		rest := keys[:0]
		for _, key := range keys {
			if key != home {
				rest = append(rest, key)
			}
		}
		if len(rest) > 0 {
			n, err := hs.entriesIn(ctx, rest)
			if err != nil {
				return err
			}
			// UNLINK frees a large key in the background.
			if err := hs.rdb.Unlink(ctx, rest...).Err(); err != nil {
				return err
			}
			deleted(rest, n)
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}

// entriesIn returns how many entries the buckets of receipted invoices among the keys have.
func (hs *HomeStore) entriesIn(ctx context.Context, keys []string) (n int64, err error) {
	var counts []*redis.IntCmd
	err = hs.pipe(ctx, func(p redis.Pipeliner) {
		for _, key := range keys {
			if strings.HasPrefix(key, hs.key(keyFinal)) {
				counts = append(counts, p.HLen(ctx, key))
			}
		}
	})
	for _, c := range counts {
		n += c.Val()
	}
	return n, err
}

// Empty reports whether there is no key under the ledger's prefix. It reads names of keys until it
// finds such a key, so in a database that other programs use too it may read all names.
func (hs *HomeStore) Empty(ctx context.Context) (bool, error) {
	for cursor := uint64(0); ; {
		keys, next, err := hs.rdb.Scan(ctx, cursor, hs.everyKey(), purgePage).Result()
		if err != nil {
			return false, fmt.Errorf("look for keys of the ledger: %w", err)
		}
		if len(keys) > 0 {
			return false, nil
		}
		if cursor = next; cursor == 0 {
			return true, nil
		}
	}
}

// everyKey is the pattern of all keys under the prefix.
func (hs *HomeStore) everyKey() string {
	return globText(hs.prefix) + "*"
}

// globText returns the pattern that matches only this text.
func globText(text string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`).Replace(text)
}
