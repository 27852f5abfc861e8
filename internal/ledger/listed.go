package ledger

import (
	"context"
	"fmt"
	"slices"
	"strconv"
)

// listedPiece is how many entries one script reads; that takes Redis about a millisecond. Lua can
// unpack some thousands.
const listedPiece = 500

// Listed reads entries as [EntryReader.Invoices] does. It is for lists in which nearly all invoices
// are receipted: it looks into the buckets first, and takes less than half of the time for what is
// there. All other entries take one look more.
func (er *EntryReader) Listed(ctx context.Context, ids []string) ([]Invoice, error) {
	out := make([]Invoice, 0, len(ids))
	var unread []Unreadable
	for piece := range slices.Chunk(ids, listedPiece) {
		values, err := er.inTheirBuckets(ctx, piece)
		if err != nil {
			return nil, fmt.Errorf("read entries: %w", err)
		}
		list := out[len(out) : len(out)+len(piece)]
		var others []string
		for i, id := range piece {
			if !er.readFrozen(&list[i], id, &values[i]) {
				others = append(others, id)
			}
		}
		var rest []Invoice
		if len(others) > 0 { // it also says what is wrong with those that cannot be read
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

// merge puts more entries into the gaps of a list, all in the order of ids. It moves the entries
// together where gaps are left, and returns how many there are.
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

// inTheirBuckets reads the values of entries that are in buckets. Those of all others are zero.
func (st *store) inTheirBuckets(ctx context.Context, ids []string) ([]frozen, error) {
	out, at := make([]frozen, len(ids)), make([]int, 0, len(ids))
	args := append(make([]any, 0, 2+2*len(ids)), st.args()...)
	for i, id := range ids {
		if inBuckets(id) {
			_, field := st.bucketOf(id)
			args, at = append(args, id, field), append(at, i)
		}
	}
	if len(at) == 0 {
		return out, nil
	}
	found, err := st.run(ctx, listedScript, args)
	if err != nil {
		return nil, err
	}
	records := make([][]byte, 0, len(at))
	for k, i := range at {
		value, ok := cell(found, k).(string)
		if f, err := unpackFrozen(value); ok && err == nil {
			out[i], records = f, append(records, f.record)
		}
	}
	return out, loadShapes(ctx, st, records)
}

// readFrozen reads the value of a bucket into an empty entry. It reports false, and leaves the entry
// empty, if anything is not as this build writes it.
func (er *EntryReader) readFrozen(inv *Invoice, id string, f *frozen) bool {
	rev, err := strconv.ParseInt(f.rev, 10, 64)
	if err != nil || rev <= 0 || countable(f.rev, rev) != nil || inv.unpackFinal(id, f.record, er.shapes.of(f.record)) != nil {
		*inv = Invoice{}
		return false
	}
	inv.Rev, inv.State = rev, Receipted
	er.openTexts(id, inv)
	return true
}
