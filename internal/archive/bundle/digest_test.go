package bundle_test

import (
	"errors"
	"fmt"
	"testing"

	"ksefworker/internal/archive"
	"ksefworker/internal/archive/archivetest"
	"ksefworker/internal/archive/bundle"
)

// Before the indexes of a month are joined, each look-up would ask each of them. So when an index
// has been asked a few times, a store remembers which ids this index has.
func TestGet_ManyIDsBeforeTheIndexesAreJoined_EachIndexIsReadAFewTimesOnly(t *testing.T) {
	s3 := archivetest.NewS3(t, "honoured")
	below := open(t, s3.In("kept"))
	const packages, each = 20, 10
	var all []bundle.Invoice
	for n := range packages {
		pkg := fmt.Sprintf("pkg-%02d", n)
		some := tinyOf(pkg, each)
		kept(t, below, fmt.Sprintf("2026-11-%02d", 20+n/7), pkg, some)
		all = append(all, some...)
	}
	s := bundle.Over(below)
	for _, inv := range all[:3] { // the first look-ups ask the indexes
		found(t, s, inv)
	}
	s3.Take()
	for _, inv := range all {
		if _, err := s.Get(t.Context(), documentName(inv)); err != nil {
			t.Fatal(err)
		}
	}
	// Each document takes one read of a ZIP. In addition, each index may take two reads.
	if n := reads(s3.Take()); n > len(all)+2*packages {
		t.Errorf("the archive was read %d times for %d documents, want at most one for each, and two for each index", n, len(all))
	}
	for _, inv := range tinyOf("nowhere", 50) {
		if _, err := s.Get(t.Context(), documentName(inv)); !errors.Is(err, archive.ErrNotFound) {
			t.Fatal(err)
		}
	}
	if n := reads(s3.Take()); n > 50 { // one for each document, which could be an object of its own
		t.Errorf("the archive was read %d times for 50 documents that are nowhere, want at most 50", n)
	}
}

// A search for one KSeF number ends once an index has it. Search reads up to eight indexes at a
// time, so it may read seven too many.
func TestSearch_One_EndsWithTheFirstIndexesThatHaveIt(t *testing.T) {
	below := open(t, "file://"+t.TempDir())
	var first []bundle.Invoice
	for n := range 30 {
		some := tinyOf(fmt.Sprintf("pkg-%02d", n), 5)
		kept(t, below, fmt.Sprintf("2026-11-%02d", 1+n), fmt.Sprintf("pkg-%02d", n), some)
		if n == 0 {
			first = some
		}
	}
	var ids []string
	did, err := bundle.Over(below).Search(t.Context(), folder, searchFor(first[2]), func(l bundle.Line) error {
		ids = append(ids, l.ID)
		return nil
	}, nil)
	if err != nil || fmt.Sprint(ids) != "["+first[2].ID+"]" || did.Indexes > 8 {
		t.Errorf("the search found %v (error %v) and read %+v, want the one invoice, from at most 8 indexes", ids, err, did)
	}
}
