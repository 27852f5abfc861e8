package records

import (
	"context"
	"slices"
	"strings"
	"time"

	"ksefworker/internal/results"
)

// compare leaves in s.did.Attested only invoices that receipts list under the name that was
// searched for, and that the archive does not have. It makes the comparison even when the search
// found something, because that may be another invoice of the same number: one of another seller,
// or one that was rejected before.
//
// For an attested invoice that was not found, the whole month is read, as by EachWithin. This tells
// whether the invoice is there under another number, or was sent by another program. An invoice
// that is there under another number is added to found. An invoice that only the index of a missing
// or damaged ZIP names is lost.
func (s *search) compare(ctx context.Context, found []results.Result) ([]results.Result, error) {
	have := Numbers{}
	for i := range found {
		have.Add(found[i].KsefNumber)
	}
	left := slices.DeleteFunc(s.did.Attested, func(a Attested) bool { return have.Has(a.KsefNumber) })
	if s.did.Attested = nil; len(left) == 0 {
		return found, nil
	}
	m, more, err := s.metAbout(ctx, left)
	if err != nil {
		return nil, err
	}
	told, documents := Numbers{}, newDocumentFinder(&Reader{Store: s.store()}) // what is damaged was reported
	for _, a := range left {
		if m.hasResult(a.KsefNumber) || told.Has(a.KsefNumber) {
			continue
		}
		told.Add(a.KsefNumber)
		if err := documents.find(ctx, &a, m.has(a.KsefNumber)); err != nil {
			return nil, err
		}
		// An invoice that another program may have sent is reported as lost only when nothing was
		// found. A person asked for it by its name, so the answer should not be empty.
		if of := m.receipts[a.Receipt]; of != nil && !of.own && len(found) > 0 && a.Document == "" {
			s.unsure(a.Receipt, 1)
		} else {
			s.did.Attested = append(s.did.Attested, a)
		}
	}
	return append(found, more...), nil
}

// metAbout reads the months in which attested invoices should be. It returns what it met there, and
// the results of these very invoices that are within the bounds of the search. It reports no
// damaged objects, because the search has already reported those that concern it.
func (s *search) metAbout(ctx context.Context, all []Attested) (m *met, of []results.Result, err error) {
	quiet, wanted := &Reader{Store: s.store()}, Numbers{}
	var places []Place
	for _, a := range all {
		wanted.Add(a.KsefNumber)
		some, err := placesOfAttested(ctx, quiet, a)
		if err != nil {
			return nil, nil, err
		}
		places = append(places, slices.DeleteFunc(some, func(p Place) bool { return slices.Contains(places, p) })...)
	}
	m = newMet()
	for _, p := range places {
		err := quiet.Results(ctx, p, func(f results.Result) error {
			m.add(&f)
			if wanted.Has(f.KsefNumber) && s.within.has(&f) {
				of = append(of, f)
			}
			return nil
		})
		if err == nil {
			err = m.addIndexed(ctx, quiet, p)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return m, of, nil
}

// placesOfAttested returns the places that may have an attested invoice: the one of its month. When
// the month is not known, it returns all places of the seller.
func placesOfAttested(ctx context.Context, r *Reader, a Attested) ([]Place, error) {
	nip, _, _ := strings.Cut(a.Receipt, "/") // the seller's, with which the name of the receipt begins
	if _, err := time.Parse(time.DateOnly, a.IssueDate); err == nil {
		return []Place{{NIP: nip, Month: monthOf(a.IssueDate)}}, nil
	}
	return r.PlacesOf(ctx, nip)
}
