package records

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"slices"

	"golang.org/x/sync/errgroup"

	"ksefworker/internal/archive"
	"ksefworker/internal/archive/bundle"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

// run looks through the indexes, then the receipts, and then the results that are kept by
// themselves. If at most one invoice can match, it stops as soon as it has found one.
func (s *search) run(ctx context.Context, q query) ([]results.Result, error) {
	within := s.within.months(q.places)
	s.did.Places += len(within)
	found, err := s.inBundles(ctx, within, q)
	if err != nil || q.one && len(found) > 0 {
		return found, err
	}
	more, err := s.attested(ctx, within, q)
	if err != nil {
		return nil, err
	}
	seen, all := map[string]bool{}, append(found, more...)
	found = nil
	add := func(f results.Result) {
		if !seen[f.ID] {
			seen[f.ID], found = true, append(found, f)
		}
	}
	for _, f := range all {
		add(f)
	}
	// Several invoices may have one number: those of other sellers, and those that KSeF rejected
	// before. Neither an index nor a receipt has to name them.
	for _, p := range within {
		if q.one && len(found) > 0 {
			break
		}
		err := s.alone(ctx, p, nil, func(f results.Result) error {
			s.did.Results++
			if q.result(f) {
				add(f)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return s.matching(found, q.result), nil
}

// inBundles returns the matching results in bundles. It finds them by the lines of the indexes.
func (s *search) inBundles(ctx context.Context, places []Place, q query) (found []results.Result, err error) {
	for _, p := range places {
		var ids []string
		did, err := s.store().Search(ctx, p.bundles(), q.index, func(l bundle.Line) error {
			if !slices.Contains(ids, l.ID) {
				ids = append(ids, l.ID)
			}
			return nil
		}, s.unread)
		s.did.add(did)
		if err != nil {
			return nil, err
		}
		of, err := s.withIDs(ctx, s.store(), []Place{p}, ids)
		if found = append(found, s.matching(of, q.result)...); err != nil || q.one && len(found) > 0 {
			return found, err
		}
	}
	return found, nil
}

// attested returns the matching results that are kept by themselves. It finds them by the lines of
// the receipts.
func (s *search) attested(ctx context.Context, places []Place, q query) ([]results.Result, error) {
	var ids []string
	for _, p := range s.within.receipts(q.places) {
		of, err := s.attestedIn(ctx, p, q)
		if err != nil {
			return nil, err
		}
		if ids = append(ids, of...); q.one && len(of) > 0 {
			break
		}
	}
	found, err := s.withIDs(ctx, s.below(), places, ids)
	return s.matching(found, q.result), err
}

// matching returns the results that match and are within the dates.
func (s *search) matching(all []results.Result, match func(results.Result) bool) []results.Result {
	var some []results.Result
	for i := range all {
		if match(all[i]) && s.within.has(&all[i]) {
			some = append(some, all[i])
		}
	}
	return some
}

// kinds are the values of RodzajFaktury (FA(3), schema 1-0E). A receipt does not say which kind an
// invoice is, but the id of the invoice depends on it.
var kinds = []string{"VAT", "KOR", "ZAL", "ROZ", "UPR", "KOR_ZAL", "KOR_ROZ"}

// idsOf returns the ids that the invoice of a line of a receipt can have, one for each kind.
func idsOf(l *ksef.ReceiptLine) []string {
	sum, err := base64.StdEncoding.DecodeString(l.Hash)
	if err != nil || len(sum) != sha256.Size {
		return nil
	}
	ids := make([]string, len(kinds))
	for i, kind := range kinds {
		ids[i] = ledger.InvoiceID(ledger.Identity{NIP: l.SellerNIP, Kind: kind, Number: l.Number}, [32]byte(sum))
	}
	return ids
}

// attestedIn reads all receipts of a place. It returns the ids that the invoices of the matching
// lines can have, and notes in s.did.Attested those invoices that are within the dates or whose
// date is unknown.
func (s *search) attestedIn(ctx context.Context, p Place, q query) (ids []string, err error) {
	wants := func(raw []byte) bool {
		s.did.Receipts++
		s.did.Bytes += int64(len(raw))
		return len(q.texts) == 0 || slices.ContainsFunc(q.texts, func(text []byte) bool { return bytes.Contains(raw, text) })
	}
	err = s.eachReceipt(ctx, p, wants, func(name string, receipt ksef.Receipt) {
		for number, l := range receipt.Lines {
			if !q.line(number, &l) {
				continue
			}
			if a := attestedBy(name, &receipt, number); a.IssueDate == "" || s.within.hasDay(a.IssueDate) {
				s.did.Attested = append(s.did.Attested, a)
			}
			ids = append(ids, idsOf(&l)...)
		}
	})
	return ids, err
}

// withIDs returns the results with these ids that a store has in these places.
func (r *Reader) withIDs(ctx context.Context, from archive.Store, places []Place, ids []string) ([]results.Result, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	read := make([]*results.Result, len(places)*len(ids))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for i, p := range places {
		for k, id := range ids {
			g.Go(func() error {
				found, ok, err := r.resultIn(ctx, from, p, id)
				if ok {
					read[i*len(ids)+k] = &found
				}
				return err
			})
		}
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var out []results.Result
	for _, f := range read {
		if f != nil {
			out = append(out, *f)
		}
	}
	return out, nil
}
