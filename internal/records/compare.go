package records

import (
	"context"
	"slices"
	"strings"
	"time"

	"ksefworker/internal/results"
)

// compare leaves in s.did.Attested the invoices that receipts list under the name of a search and
// that the archive does not have. Another invoice may have the same number: of another seller, or
// one that was rejected before. So they are compared whatever was found.
//
// Only when an attested invoice was not found, its month is read, as by EachWithin. This tells
// whether it is there under another number, is in a ZIP that was reported, or was sent by another
// program. What is there under another number is added to found.
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
	told := Numbers{}
	for _, a := range left {
		// What another program sent is told when nothing else is, because a person asked for it.
		own, named := m.own[a.Receipt]
		if others := named && !own && len(found) > 0; !others && !m.numbers.Has(a.KsefNumber) && !told.Has(a.KsefNumber) {
			told.Add(a.KsefNumber)
			s.did.Attested = append(s.did.Attested, a)
		}
	}
	return append(found, more...), nil
}

// metAbout reads the months in which attested invoices should be. It returns what it met there, and
// the results of these very invoices. It reports nothing, because the search has reported what
// concerns it.
func (s *search) metAbout(ctx context.Context, all []Attested) (m *met, of []results.Result, err error) {
	quiet, wanted := &Reader{Store: s.store()}, Numbers{}
	var places []Place
	for _, a := range all {
		wanted.Add(a.KsefNumber)
		some, err := quiet.placesOfAttested(ctx, a)
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
func (r *Reader) placesOfAttested(ctx context.Context, a Attested) ([]Place, error) {
	nip, _, _ := strings.Cut(a.Receipt, "/") // the seller's, as in the line
	if _, err := time.Parse(time.DateOnly, a.IssueDate); err == nil {
		return []Place{{NIP: nip, Month: monthOf(a.IssueDate)}}, nil
	}
	return r.PlacesOf(ctx, nip)
}
