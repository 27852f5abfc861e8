package ledger

import (
	"context"
	"slices"
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
