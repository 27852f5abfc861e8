package ledger

import (
	"context"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"
)

// SeeSickKeys returns what SickKeys returns, and remembers these keys, so that entries are listed
// again when a person has deleted one. A caller that shows the keys to a person uses it, because
// the person may be faster than the sweep.
func (us *UnreadableStore) SeeSickKeys(ctx context.Context) ([]Unreadable, error) {
	sick, err := us.SickKeys(ctx)
	if err != nil {
		return nil, err
	}
	return sick, us.seeSick(ctx, sick)
}

// SeeSharedSickKeys is SeeSickKeys without the keys of waiting sets, because there may be many of
// them. Those that were seen sick before are included.
func (us *UnreadableStore) SeeSharedSickKeys(ctx context.Context) ([]Unreadable, error) {
	sick, err := us.sickAmong(ctx, nil)
	if err != nil {
		return nil, err
	}
	return sick, us.seeSick(ctx, sick)
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
