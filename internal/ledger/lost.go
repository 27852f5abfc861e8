package ledger

import (
	"context"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"
)

// errLost says that an index names an entry that does not exist. Its own key is gone, or its field
// in a bucket is absent or empty.
var errLost = fmt.Errorf("%w: the index of its state lists it, but the entry does not exist", errDamaged)

// Lost returns those ids that an index of the states names although they have no entry. The caller
// has read the ids from these indexes and has found no entry for them. Lost reads the entries and
// the indexes again. An entry that was removed meanwhile, for example at the end of its retention,
// has left its index too and is not lost.
func (us *UnreadableStore) Lost(ctx context.Context, states []State, ids []string) (lost []Unreadable, err error) {
	for some := range slices.Chunk(ids, listedPiece) {
		here, err := us.entries.Invoices(ctx, some)
		unread, err := Skip(err)
		if err != nil {
			return nil, err
		}
		if lost, err = named(ctx, us.store, states, Absent(some, here, unread), lost); err != nil {
			return nil, err
		}
	}
	return lost, nil
}

// Named reads the entry of an id that a person or a program names. If the entry is missing although
// an index of a state names the id, the entry is damaged, and the error is an [*UnreadableError].
// Named returns [ErrNotFound] only if no index of a state names the id either, and all indexes can
// be read. So nobody is told wrongly that there is no such invoice.
func (us *UnreadableStore) Named(ctx context.Context, id string) (Invoice, error) {
	invs, err := us.AllNamed(ctx, []string{id})
	switch {
	case err != nil:
		return Invoice{}, err
	case len(invs) == 0:
		return Invoice{}, fmt.Errorf("read %s: %w", id, ErrNotFound)
	}
	return invs[0], nil
}

// AllNamed is Named for several ids, in the given order. Ids of which nothing is known are left
// out. With an [*UnreadableError] it returns all entries that could be read.
func (us *UnreadableStore) AllNamed(ctx context.Context, ids []string) ([]Invoice, error) {
	invs, err := us.entries.Invoices(ctx, ids)
	unread, err := Skip(err)
	if err != nil {
		return nil, err
	}
	lost, err := us.Lost(ctx, States(), Absent(ids, invs, unread))
	if err != nil {
		return nil, err
	}
	return invs, some(append(unread, lost...))
}

// named adds to lost those absent ids that an index of the states names.
func named(ctx context.Context, st *store, states []State, absent []string, lost []Unreadable) ([]Unreadable, error) {
	scores := make([][]*redis.FloatCmd, len(absent))
	if err := st.pipe(ctx, func(p redis.Pipeliner) {
		for i, id := range absent {
			for _, s := range states {
				scores[i] = append(scores[i], p.ZScore(ctx, st.key(keyState, string(s)), id))
			}
		}
	}); err != nil {
		return nil, fmt.Errorf("look for lost entries: %w", err)
	}
	for i, id := range absent {
		at := slices.IndexFunc(scores[i], func(c *redis.FloatCmd) bool { return c.Err() == nil })
		sick := slices.IndexFunc(scores[i], func(c *redis.FloatCmd) bool { return wrongType(c.Err()) })
		switch {
		case at >= 0:
			lost = append(lost, Unreadable{ID: id, Key: keyInvoice + id, State: string(states[at]), Err: errLost})
		case sick >= 0:
			lost = append(lost, Unreadable{ID: id, Key: keyInvoice + id, Opaque: true,
				Err: fmt.Errorf("%w: it does not exist, and the index %s, which may list it, holds a value of the wrong type",
					errDamaged, keyState+string(states[sick]))})
		}
	}
	return lost, nil
}

// Absent returns the ids that have neither an invoice nor an error among those that were read.
func Absent(ids []string, read []Invoice, unread []Unreadable) []string {
	if len(read)+len(unread) >= len(ids) {
		return nil
	}
	seen := make(map[string]bool, len(ids))
	for i := range read {
		seen[read[i].ID] = true
	}
	for _, u := range unread {
		seen[u.ID] = true
	}
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return seen[id] })
}
