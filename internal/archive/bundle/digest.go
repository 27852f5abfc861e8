package bundle

import (
	"bytes"
	"context"
	"hash/maphash"
	"slices"

	"ksefworker/internal/archive"
)

// maxDigested bounds the ids of all digests of a [Store], to 16 MB.
const maxDigested = 2 << 20

// digest is the ids of one index, eight bytes for each. With it, an id that an index does not have
// costs no request. That matters before the indexes of a month are joined, because until then
// nearly every index that is asked for an id lacks it.
type digest []uint64

var digestSeed = maphash.MakeSeed()

func (d digest) mayHave(id string) bool {
	_, found := slices.BinarySearch(d, maphash.String(digestSeed, id))
	return found
}

// digestOf reads an index whole. It returns an error if the index is not complete.
func digestOf(ctx context.Context, s archive.Store, of index) (digest, error) {
	raw, err := s.Get(ctx, of.name)
	if err == nil {
		raw, err = linesIn(ctx, s, of, raw)
	}
	if err != nil {
		return nil, err
	}
	d := make(digest, 0, bytes.Count(raw, newline))
	for line := range bytes.Lines(raw) {
		key, err := keyOf(line)
		if err != nil {
			return nil, err
		}
		d = append(d, maphash.String(digestSeed, key))
	}
	slices.Sort(d)
	return slices.Compact(d), nil
}

// digests are the digests of some indexes, and how often each other index was asked. An index never
// changes, so its digest stays valid.
type digests struct {
	of    map[string]digest
	asked map[string]int64
	ids   int
}

func newDigests() digests { return digests{of: map[string]digest{}, asked: map[string]int64{}} }

// keep keeps a digest, and forgets other digests until there is room for it. It keeps no digest
// that has more than maxDigested ids.
func (d *digests) keep(name string, one digest) {
	for old, ids := range d.of {
		if d.ids+len(one) <= maxDigested {
			break
		}
		delete(d.of, old)
		d.ids -= len(ids)
	}
	if _, there := d.of[name]; !there && len(one) <= maxDigested {
		d.of[name] = one
		d.ids += len(one)
	}
	delete(d.asked, name)
}

// due counts a look-up in an index that has no digest. It reports whether it is time to read the
// whole index. That is when the look-ups together, at about two blocks each, have read more than
// the size of the index. The first look-up is never enough.
func (d *digests) due(name string, size int64) bool {
	if len(d.asked) > maxComplete {
		clear(d.asked)
	}
	d.asked[name]++
	n := d.asked[name]
	return n > 1 && n*2*blockSize > size
}
