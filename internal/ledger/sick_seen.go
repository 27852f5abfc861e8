package ledger

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// SeeSickKeys returns what SickKeys returns, and remembers these keys. When a person has deleted
// one of them, the sweep then knows that it has to list the entries again. A caller that shows the
// keys to a person uses SeeSickKeys in place of SickKeys, because the person may delete a key
// before the sweep has seen it.
func (us *UnreadableStore) SeeSickKeys(ctx context.Context) ([]Unreadable, error) {
	sick, err := us.SickKeys(ctx)
	if err != nil {
		return nil, err
	}
	return sick, us.seeSick(ctx, sick)
}

// SeeSharedSickKeys is SeeSickKeys without the keys of waiting sets, of which there may be many. It
// includes those keys of waiting sets that were seen sick before.
func (us *UnreadableStore) SeeSharedSickKeys(ctx context.Context) ([]Unreadable, error) {
	sick, err := us.sickAmong(ctx, nil)
	if err != nil {
		return nil, err
	}
	return sick, us.seeSick(ctx, sick)
}

// WellAgain is given keys that a list, perhaps an old one, names as sick. It returns those that are
// well now, or gone. It leaves out the keys of entries and the names of records.
func (us *UnreadableStore) WellAgain(ctx context.Context, keys []string) ([]string, error) {
	kinds := map[string]*redis.StatusCmd{}
	if err := us.pipe(ctx, func(p redis.Pipeliner) {
		for _, key := range keys {
			if kindOf(key) != "" && kinds[key] == nil {
				kinds[key] = p.Type(ctx, us.key(key))
			}
		}
	}); err != nil {
		return nil, fmt.Errorf("read types of keys: %w", err)
	}
	var well []string
	for key, kind := range kinds {
		if is := kind.Val(); is == kindOf(key) || is == "none" {
			well = append(well, key)
		}
	}
	return well, nil
}

// kindOf returns the type that the ledger gives a key that may be sick. It returns "" for the key
// of an entry, and for the name of a field of a key, which is the record of a refused document.
func kindOf(key string) string {
	if strings.HasPrefix(key, keyRefused) && strings.Contains(key, "|") {
		return ""
	}
	return cmp.Or(sharedKeys[key], kindOfName(key))
}

// SeeSickBuckets remembers the buckets of entries that hold another type, so that SeeSickKeys
// returns them. It checks every name that a bucket can have. These are 1024, however many entries
// there are.
func (us *UnreadableStore) SeeSickBuckets(ctx context.Context) error {
	names := bucketNames()
	kinds := make([]*redis.StatusCmd, len(names))
	if _, err := us.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, name := range names {
			kinds[i] = p.Type(ctx, us.key(keyFinal, name))
		}
		return nil
	}); err != nil {
		return fmt.Errorf("read types of buckets: %w", err)
	}
	var sick []string
	for i, name := range names {
		if is := kinds[i].Val(); is != "hash" && is != "none" {
			sick = append(sick, keyFinal+name)
		}
	}
	return us.seeSickNames(ctx, sick)
}

// seeSick remembers keys that are sick.
func (us *UnreadableStore) seeSick(ctx context.Context, sick []Unreadable) error {
	if len(sick) == 0 {
		return nil
	}
	seen, err := us.sickSeen(ctx)
	if err != nil {
		return err
	}
	all := append(seen, namesOf(sick)...)
	slices.Sort(all)
	if all = slices.Compact(all); len(all) == len(seen) && !slices.Contains(seen, keySickSeen) {
		return nil
	}
	return us.rememberSick(ctx, all)
}
