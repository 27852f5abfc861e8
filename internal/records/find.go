package records

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"ksefworker/internal/archive"
	"ksefworker/internal/archive/bundle"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ksef"
	"ksefworker/internal/plural"
	"ksefworker/internal/results"
)

// Find returns the results that name stands for: an id, a KSeF number in any spelling and in upper
// or lower case, or a number (P_2). When there are none, the error is nil.
//
// The indexes of the bundles are read first, then the receipts, and then the results that are kept
// by themselves, the newest month first. Several invoices may have one number, so a search for a
// number reads all three. A search for a KSeF number begins with the month of the number, and stops
// at the first match.
//
// A search for an id reads no receipts if it finds something without them. In each month it looks
// for the result by its name, which contains the id, and for the id in the indexes. If no month has
// the id, the id is taken for a number (P_2), and looked for as such, also in the receipts. One
// index, one receipt or a few hundred results are in memory at a time.
func (r *Reader) Find(ctx context.Context, name string) ([]results.Result, error) {
	found, _, err := r.FindWithin(ctx, name, Within{})
	return found, err
}

// FindID returns the results that have an id. It reads no receipts.
func (r *Reader) FindID(ctx context.Context, id string) ([]results.Result, error) {
	return (&search{Reader: r}).byID(ctx, id)
}

// FindIDs is FindID for several ids, the newest results first. With an error it returns what it has
// found so far. The error wraps [archive.ErrCorrupt] when some ids were not found, and something
// that may have them cannot be read.
func (r *Reader) FindIDs(ctx context.Context, ids []string) (found []results.Result, err error) {
	return findIDs(ctx, r, ids, false)
}

// FindForgotten is FindIDs for an id that the ledger does not have. Its error wraps
// [archive.ErrCorrupt] also when the archive has a document with this id and no result, because the
// archive has lost the result then. That costs one more request for each month. It reads no
// receipts.
func (r *Reader) FindForgotten(ctx context.Context, id string) ([]results.Result, error) {
	return findIDs(ctx, r, []string{id}, true)
}

func findIDs(ctx context.Context, r *Reader, ids []string, documents bool) (found []results.Result, err error) {
	one := &Reader{Store: r.store(), Unread: r.unread} // counts what this search leaves out
	places, err := one.Places(ctx)
	if err != nil {
		return nil, err
	}
	left := slices.Clone(ids)
	for some := range slices.Chunk(places, parallel) {
		if len(left) == 0 {
			break
		}
		of, err := one.withIDs(ctx, one.store(), some, left)
		if err != nil {
			return found, err
		}
		found = append(found, of...)
		left = slices.DeleteFunc(left, func(id string) bool {
			return slices.ContainsFunc(of, func(f results.Result) bool { return f.ID == id })
		})
	}
	for _, id := range left {
		if !documents {
			break
		}
		if err := tellNoResult(ctx, one, places, id); err != nil {
			return found, err
		}
	}
	if n := one.unusable(); len(left) > 0 && n > 0 {
		return found, fmt.Errorf("look for %s: %w: %s cannot be read", plural.Of(len(left), "invoice", "invoices"), archive.ErrCorrupt,
			plural.Of(n, "object", "objects"))
	}
	return found, nil
}

// FindWithin is Find among the invoices of some issue dates. It says what it has read, and which
// invoices of a number or KSeF number the archive has lost (see compare).
func (r *Reader) FindWithin(ctx context.Context, name string, w Within) (found []results.Result, did Scanned, err error) {
	name = strings.TrimSpace(name)
	if name == "" {
		return nil, did, nil
	}
	s := &search{Reader: r, within: w}
	number, err := invoice.ParseKsefNumber(strings.ToUpper(name))
	switch {
	case err == nil:
		found, err = s.byKsefNumber(ctx, number)
	case isID(name):
		if found, err = s.byID(ctx, name); err == nil && len(found) == 0 {
			found, err = s.byNumber(ctx, name)
		}
	default:
		found, err = s.byNumber(ctx, name)
	}
	if err == nil {
		found, err = s.compare(ctx, found)
	}
	if err == nil && isID(name) && len(found) == 0 && len(s.did.Attested) == 0 {
		err = s.tellNoResults(ctx, name)
	}
	return found, s.did, err
}

// isID reports whether a name can be an id. A number may begin like one too.
func isID(name string) bool { return strings.HasPrefix(name, "inv-") }

// EachWithin calls yield with every result of some issue dates, the newest month first. An error of
// yield ends the reading, and EachWithin returns that error. After the results EachWithin reads the
// receipts that may list invoices of these dates. It calls lacks with each such invoice that the
// archive does not have. With lacks nil it reads no receipts.
func (r *Reader) EachWithin(ctx context.Context, w Within, yield func(results.Result) error, lacks func(Attested)) error {
	places, err := r.Places(ctx)
	if err != nil {
		return err
	}
	m := newMet()
	for _, p := range w.months(places) {
		before := r.unusable()
		err := r.Results(ctx, p, func(f results.Result) error {
			if lacks != nil {
				m.add(&f)
			}
			if !w.has(&f) {
				return nil
			}
			return yield(f)
		})
		if err == nil && lacks != nil && r.unusable() > before {
			err = m.addIndexed(ctx, r, p)
		}
		if err != nil {
			return err
		}
	}
	if lacks == nil {
		return nil
	}
	return r.unmet(ctx, w, places, m, lacks)
}

// search is one search.
type search struct {
	*Reader
	within Within
	did    Scanned
}

// query says what is looked for.
type query struct {
	places []Place // all folders of the sellers in question
	index  bundle.Query
	line   func(ksefNumber string, l *ksef.ReceiptLine) bool // reports whether a line of a receipt matches
	texts  [][]byte                                          // receipts that have none of these are left out; empty: every receipt is read
	result func(results.Result) bool
	one    bool // at most one invoice can match
}

func (s *search) byKsefNumber(ctx context.Context, number invoice.KsefNumber) ([]results.Result, error) {
	places, err := s.PlacesOf(ctx, number.SellerNIP)
	if err != nil {
		return nil, err
	}
	canonical := number.Canonical()
	same := func(other string) bool { return invoice.CanonicalKsefNumber(other) == canonical }
	// A number has two spellings. An invoice is archived on the day in its number or later. One day
	// more allows for clocks that differ.
	texts := [][]byte{[]byte(canonical)}
	if other := invoice.OlderSpelling(canonical); other != "" {
		texts = append(texts, []byte(other))
	}
	since, _ := time.Parse(time.DateOnly, number.Date) // a KSeF number has a valid day
	return s.run(ctx, query{
		places: likely(places, number),
		index: bundle.Query{Texts: texts, One: true, Since: since.AddDate(0, 0, -1).Format(time.DateOnly),
			Match: func(l *bundle.Line) bool { return same(l.KsefNumber) }},
		line:   func(number string, _ *ksef.ReceiptLine) bool { return same(number) },
		texts:  texts,
		result: func(f results.Result) bool { return same(f.KsefNumber) },
		one:    true,
	})
}

func (s *search) byNumber(ctx context.Context, name string) ([]results.Result, error) {
	places, err := s.Places(ctx)
	if err != nil {
		return nil, err
	}
	same := func(number string) bool { return normal(number) == normal(name) }
	return s.run(ctx, query{
		places: places,
		index: bundle.Query{Texts: [][]byte{bundle.Text(strings.Fields(name)[0])},
			Match: func(l *bundle.Line) bool { return same(l.Number) }},
		line: func(_ string, l *ksef.ReceiptLine) bool {
			return same(l.Number) || isID(name) && slices.Contains(idsOf(l), name)
		},
		result: func(f results.Result) bool { return same(f.Number) },
	})
}

// byID asks each month for an id, the newest first.
func (s *search) byID(ctx context.Context, id string) ([]results.Result, error) {
	places, err := s.Places(ctx)
	if err != nil {
		return nil, err
	}
	for some := range slices.Chunk(s.within.months(places), parallel) {
		s.did.Places += len(some)
		found, err := s.withIDs(ctx, s.store(), some, []string{id})
		if err != nil || len(found) > 0 {
			return s.matching(found, func(results.Result) bool { return true }), err
		}
	}
	return nil, nil
}

// tellNoResults is tellNoResult for the places of a search.
func (s *search) tellNoResults(ctx context.Context, id string) error {
	places, err := s.Places(ctx)
	if err != nil {
		return err
	}
	return tellNoResult(ctx, s.Reader, s.within.months(places), id)
}

// normal returns a P_2 with its white space normalized, as KSeF may write it.
func normal(number string) string { return strings.Join(strings.Fields(number), " ") }
