package ledger

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/redis/go-redis/v9"
)

// listedPiece is how many entries are read in one round trip.
const listedPiece = 500

// Listed returns the same as [EntryReader.Invoices]. It is for lists in which nearly all invoices
// are receipted. It looks into the buckets first, so an entry in a bucket takes less than half of
// the time that Invoices needs. Every other entry takes one more round trip.
func (er *EntryReader) Listed(ctx context.Context, ids []string) ([]Invoice, error) {
	out := make([]Invoice, 0, len(ids))
	var unread []Unreadable
	for piece := range slices.Chunk(ids, listedPiece) {
		values, err := inTheirBuckets(ctx, er.store, piece)
		if err != nil {
			return nil, fmt.Errorf("read entries: %w", err)
		}
		list := out[len(out) : len(out)+len(piece)]
		var others []string
		for i, id := range piece {
			if !readFrozen(er.store, &list[i], id, &values[i]) {
				others = append(others, id)
			}
		}
		var rest []Invoice
		if len(others) > 0 { // Invoices also says what is wrong with those that cannot be read
			rest, err = er.Invoices(ctx, others)
			sick, err := Skip(err)
			if err != nil {
				return nil, err
			}
			unread = append(unread, sick...)
		}
		out = out[:len(out)+merge(piece, list, rest)]
	}
	return out, some(unread)
}

// merge puts more entries into the gaps of a list; both are in the order of ids. It closes the gaps
// that are left, and returns how many entries there are.
func merge(ids []string, list, more []Invoice) int {
	n := 0
	for i, id := range ids {
		if list[i].ID == "" && len(more) > 0 && more[0].ID == id {
			list[i], more = more[0], more[1:]
		}
		if list[i].ID == "" {
			continue
		}
		if n != i {
			list[n] = list[i]
		}
		n++
	}
	return n
}

// inTheirBuckets reads the values of entries that are in buckets. An entry has a zero value if it
// is in no bucket, if its value there cannot be unpacked, or if it has a key of its own as well.
// The reading takes one round trip. A second one follows when an entry has a key of its own, and
// one more when there are shapes that this process has not read yet. A script could read as many
// entries with one command, but Redis would need one and a half times as long.
func inTheirBuckets(ctx context.Context, st *store, ids []string) ([]frozen, error) {
	out, order := make([]frozen, len(ids)), make([]int, 0, len(ids))
	for i, id := range ids {
		if inBuckets(id) {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(i, k int) int { return cmp.Compare(ids[i][4:6], ids[k][4:6]) })
	fields, keys := make([]string, len(order)), make([]string, len(order))
	var buckets []*redis.SliceCmd
	var own *redis.IntCmd
	if err := st.pipe(ctx, func(p redis.Pipeliner) {
		bucket, from := "", 0
		for k, i := range order {
			key, field := st.bucketOf(ids[i])
			if key != bucket && k > 0 {
				buckets = append(buckets, p.HMGet(ctx, bucket, fields[from:k]...))
				from = k
			}
			bucket, fields[k], keys[k] = key, field, st.key(keyInvoice, ids[i])
		}
		if len(order) > 0 {
			buckets = append(buckets, p.HMGet(ctx, bucket, fields[from:]...))
			own = p.Exists(ctx, keys...)
		}
	}); err != nil || own == nil {
		return out, err
	}
	records, k := make([][]byte, 0, len(order)), 0
	for _, b := range buckets {
		n := len(b.Args()) - 2
		for v := range n {
			value, ok := cell(b.Val(), v).(string)
			if f, err := unpackFrozen(value); ok && err == nil {
				out[order[k]], records = f, append(records, f.record)
			}
			k++
		}
	}
	if own.Val() > 0 {
		if err := dropOwn(ctx, st, ids, out); err != nil {
			return nil, err
		}
	}
	return out, loadShapes(ctx, st, records)
}

// dropOwn empties the values of those entries that have keys of their own.
func dropOwn(ctx context.Context, st *store, ids []string, values []frozen) error {
	own := make([]*redis.IntCmd, len(ids))
	if err := st.pipe(ctx, func(p redis.Pipeliner) {
		for i, id := range ids {
			if values[i].record != nil {
				own[i] = p.Exists(ctx, st.key(keyInvoice, id))
			}
		}
	}); err != nil {
		return err
	}
	for i, c := range own {
		if c != nil && c.Val() > 0 {
			values[i] = frozen{}
		}
	}
	return nil
}

// readFrozen reads the value of a bucket into an empty entry. It reports false, and leaves the
// entry empty, if anything is not as this build writes it.
func readFrozen(st *store, inv *Invoice, id string, f *frozen) bool {
	rev, err := strconv.ParseInt(f.rev, 10, 64)
	if err != nil || rev <= 0 || countable(f.rev, rev) != nil || inv.unpackFinal(id, f.record, st.shapes.of(f.record)) != nil {
		*inv = Invoice{}
		return false
	}
	inv.Rev, inv.State = rev, Receipted
	openTexts(st, id, inv)
	return true
}
