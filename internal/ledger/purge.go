package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// purgePage is about how many keys a step of [Ledger.Purge] looks at. Redis does nothing else
// meanwhile.
const purgePage = 1000

// purgePasses bounds how often everything is looked through: a second time finds nothing, unless
// somebody still writes.
const purgePasses = 5

// Purge drops every key under the ledger's prefix, the limiter's and the queues' too, and counts
// them by their first word. at is the home as the caller read it and decided by it: when it is
// another one by now, nothing is dropped, and a [*HomeError] returned. The home says first that the
// ledger is being dropped, so that nobody works with half a ledger, and goes last: a purge that was
// cut off is run again. also is done before anything else is dropped, for what lies elsewhere; it
// and progress may be nil.
//
// Nothing here looks at what an entry is, or whether workers are alive: that is the caller's.
func (l *Ledger) Purge(
	ctx context.Context, at Home, also func(context.Context) error, progress func(dropped int64),
) (map[string]int64, error) {
	now, raw, err := l.home(ctx)
	if err != nil {
		return nil, err
	}
	if now != at {
		return nil, &HomeError{Home: now, Here: at, Prefix: l.prefix}
	}
	marked := at
	marked.Purging = true
	if now, err = l.writeHome(ctx, marked, raw); err != nil {
		return nil, err
	}
	if marked.V = Version; now != marked {
		return nil, &HomeError{Home: now, Here: at, Prefix: l.prefix}
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
		if err := l.purgePass(ctx, func(keys []string) {
			for _, key := range keys {
				word, _, _ := strings.Cut(strings.TrimPrefix(key, l.prefix), ":")
				counts[word]++
			}
			if total += int64(len(keys)); progress != nil {
				progress(total)
			}
		}); err != nil {
			return counts, fmt.Errorf("drop the ledger: %w", err)
		}
		if total == before {
			if err := l.rdb.Unlink(ctx, l.key(keyHome)).Err(); err != nil {
				return counts, fmt.Errorf("drop the ledger's home: %w", err)
			}
			return counts, nil
		}
	}
	return counts, errors.New("new keys come as fast as they are dropped: stop what still writes here, then purge again")
}

func (l *Ledger) purgePass(ctx context.Context, dropped func([]string)) error {
	match := strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`).Replace(l.prefix) + "*"
	home := l.key(keyHome)
	for cursor := uint64(0); ; {
		keys, next, err := l.rdb.Scan(ctx, cursor, match, purgePage).Result()
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
			// Unlinked, so that a large one is freed beside Redis's own work.
			if err := l.rdb.Unlink(ctx, rest...).Err(); err != nil {
				return err
			}
			dropped(rest)
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}

// Empty reports that nothing at all is under the prefix, apart from the home.
func (l *Ledger) Empty(ctx context.Context) (bool, error) {
	n, err := l.rdb.Exists(ctx, l.key(keySellers), l.key(keyGroups), l.key(keyDue)).Result()
	return n == 0, err
}
