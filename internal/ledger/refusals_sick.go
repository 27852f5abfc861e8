package ledger

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// The lists of refused documents of one tenant may be sick (see sick.go). Then the refusals of this
// tenant cannot be recorded, read or told. The refusals of all other tenants still can.

// sickLists returns the lists of refusals of a tenant that hold another type.
func sickLists(ctx context.Context, st *store, tenant string) ([]Unreadable, error) {
	keys := []string{keyRefused + tenant, keyRefusals + tenant, keyOpenRefusals + tenant}
	kinds := make([]*redis.StatusCmd, len(keys))
	if err := st.pipe(ctx, func(p redis.Pipeliner) {
		for i, key := range keys {
			kinds[i] = p.Type(ctx, st.key(key))
		}
	}); err != nil {
		return nil, fmt.Errorf("read types of keys: %w", err)
	}
	var sick []Unreadable
	for i, key := range keys {
		if is := kinds[i].Val(); is != kindOfName(key) && is != "none" {
			sick = append(sick, sickKey(key))
		}
	}
	return sick, nil
}

// seeSickLists remembers the sick lists of a tenant, so that the sweep reports them.
func (rs *RefusalStore) seeSickLists(ctx context.Context, tenant string) error {
	sick, err := sickLists(ctx, rs.store, tenant)
	if err != nil {
		return err
	}
	return (&UnreadableStore{store: rs.store}).seeSickNames(ctx, namesOf(sick))
}

// wellOnly returns nil if an error says that a list of the tenant is sick, and remembers this list.
// It returns any other error unchanged.
func (rs *RefusalStore) wellOnly(ctx context.Context, tenant string, err error) error {
	if _, ok := errors.AsType[*UnreadableError](err); !ok && !wrongType(err) {
		return err
	}
	return rs.seeSickLists(ctx, tenant)
}
