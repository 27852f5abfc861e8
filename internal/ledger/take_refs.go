package ledger

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// refDigestField is the field of an entry with the digest under which its ref is indexed. Scripts
// need it to keep the index in step.
const refDigestField = "ref_digest"

// refKeys are the keys under which the refs of a batch can be indexed. Few batches have any,
// because few senders give refs.
type refKeys struct {
	of    map[int][]refKey  // by the place in the batch; the first is always written
	keys  []string          // all of them
	held  map[string]string // key → the id that Redis has there
	taken map[string]string // key → the id that this batch is about to write there
}

type refKey struct{ key, digest string }

func (ts *TakeStore) refKeys(batch []NewInvoice) refKeys {
	r := refKeys{}
	for i := range batch {
		if batch[i].Ref == "" {
			continue
		}
		if r.of == nil {
			r = refKeys{of: map[int][]refKey{}, held: map[string]string{}, taken: map[string]string{}}
		}
		for _, digest := range refDigests(ts.store, batch[i].Tenant, batch[i].Ref) {
			key := ts.key(keyRef, digest)
			r.of[i] = append(r.of[i], refKey{key, digest})
			r.keys = append(r.keys, key)
		}
	}
	return r
}

// forget empties what an earlier try has read and decided. That try wrote nothing, because another
// process wrote meanwhile. That process may have given the ref to another invoice.
func (r *refKeys) forget() {
	clear(r.held)
	clear(r.taken)
}

// readRefs reads which invoices the refs name, and returns their ids. sick maps the place of an
// invoice in the batch to a sick key of its ref.
func (ts *TakeStore) readRefs(ctx context.Context, tx *redis.Tx, refs refKeys) (ids []string, sick map[int]string, err error) {
	if len(refs.keys) == 0 {
		return nil, nil, nil
	}
	held, wrong, err := namesIn(ctx, tx, refs.keys)
	if err != nil {
		return nil, nil, err
	}
	other := map[string]bool{}
	for i, id := range held {
		if id != "" {
			refs.held[refs.keys[i]] = id
			ids = append(ids, id)
		}
		other[refs.keys[i]] = wrong[i] != ""
	}
	sick = map[int]string{}
	for i, keys := range refs.of {
		for _, r := range keys {
			if other[r.key] {
				sick[i] = r.key
			}
		}
	}
	return ids, sick, nil
}

// otherOfRef returns the invoice that the ref of the document at i names, if that invoice has
// another id than the given one and still needs its ref. An invoice needs its ref if it is alive or
// accepted, or was created a moment ago in the same batch. It also counts as needing its ref if its
// entry cannot be read. Otherwise otherOfRef returns a holder without an id.
func (s present) otherOfRef(i int, id string) holder {
	for _, r := range s.refs.of[i] {
		named := s.refs.taken[r.key]
		if named == "" {
			named = s.refs.held[r.key]
		}
		if named == "" || named == id {
			continue
		}
		if h, here := s.entries[named]; here && (h.unread || !h.state.Ended()) {
			return h
		}
	}
	return holder{}
}
