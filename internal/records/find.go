package records

import (
	"context"
	"encoding/base64"
	"errors"
	"path"
	"strings"

	"golang.org/x/sync/errgroup"

	"ksefworker/internal/archive"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

// Find returns the results with an id, a KSeF number in any spelling, or a number (P_2). None is no
// error.
//
// An archive has no index. An id is asked for in every month. A number is looked up in the
// receipts, of which one has thousands of lines; only what no receipt has is searched for in the
// results themselves, one by one, newest month first. So an accepted invoice hides others of its
// number that were never accepted.
func (r *Reader) Find(ctx context.Context, name string) ([]results.Result, error) {
	name = strings.TrimSpace(name)
	if name == "" {
		return nil, nil
	}
	if number, err := invoice.ParseKsefNumber(name); err == nil {
		places, err := r.PlacesOf(ctx, number.SellerNIP)
		if err != nil {
			return nil, err
		}
		canonical := number.Canonical()
		return r.search(ctx, places, query{
			line:   func(number, _ string) bool { return invoice.CanonicalKsefNumber(number) == canonical },
			result: func(f results.Result) bool { return invoice.CanonicalKsefNumber(f.KsefNumber) == canonical },
			one:    true,
		})
	}
	places, err := r.Places(ctx)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(name, "inv-") { // as every id does; a number may do so too
		if found, err := r.withIDs(ctx, places, []string{name}); err != nil || len(found) > 0 {
			return found, err
		}
	}
	same := func(number string) bool { return normal(number) == normal(name) }
	return r.search(ctx, places, query{
		line:   func(_, number string) bool { return same(number) },
		result: func(f results.Result) bool { return same(f.Number) },
	})
}

// normal is P_2 as KSeF may write it: with white space normalised.
func normal(number string) string { return strings.Join(strings.Fields(number), " ") }

// query says what is looked for.
type query struct {
	line   func(ksefNumber, number string) bool // a line of a receipt
	result func(results.Result) bool
	one    bool // at most one invoice can match
}

// search looks through the receipts and, when they have nothing, through the results.
func (r *Reader) search(ctx context.Context, places []Place, q query) ([]results.Result, error) {
	var ids []string
	for _, p := range places {
		of, err := r.attested(ctx, p, q.line)
		if err != nil {
			return nil, err
		}
		if ids = append(ids, of...); q.one && len(of) > 0 {
			break
		}
	}
	// The receipt is in the month of its session, the invoice in that of its date.
	found, err := r.withIDs(ctx, places, ids)
	if found = matching(found, q.result); err != nil || len(found) > 0 {
		return found, err
	}
	for i, p := range places {
		if len(found) > 0 && p.Month != places[i-1].Month {
			break
		}
		err := r.Results(ctx, p, func(f results.Result) error {
			if q.result(f) {
				found = append(found, f)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

func matching(all []results.Result, match func(results.Result) bool) []results.Result {
	var some []results.Result
	for _, f := range all {
		if match(f) {
			some = append(some, f)
		}
	}
	return some
}

// kinds are the values of RodzajFaktury (FA(3), schema 1-0E). A receipt does not tell which one an
// invoice has, and an id follows from it.
var kinds = []string{"VAT", "KOR", "ZAL", "ROZ", "UPR", "KOR_ZAL", "KOR_ROZ"}

// attested returns the ids that the invoices of some lines can have, from all receipts of a place.
func (r *Reader) attested(ctx context.Context, p Place, line func(ksefNumber, number string) bool) ([]string, error) {
	names, err := archive.ListIn(ctx, r.Store, p.folder()+"/upo")
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, name := range names {
		if path.Ext(name) != ".xml" {
			continue
		}
		raw, err := r.Store.Get(ctx, name)
		var receipt ksef.Receipt
		if err == nil {
			if receipt, err = ksef.ParseReceipt(raw); err != nil {
				err = errors.Join(archive.ErrCorrupt, err)
			}
		}
		if errors.Is(err, archive.ErrCorrupt) {
			r.unread(name, err)
			continue
		}
		if err != nil {
			return nil, err
		}
		for number, l := range receipt.Lines {
			sum, err := base64.StdEncoding.DecodeString(l.Hash)
			if err != nil || len(sum) != 32 || !line(number, l.Number) {
				continue
			}
			for _, kind := range kinds {
				ids = append(ids, ledger.InvoiceID(ledger.Identity{NIP: l.SellerNIP, Kind: kind, Number: l.Number}, [32]byte(sum)))
			}
		}
	}
	return ids, nil
}

// withIDs returns the results with some ids, wherever they are.
func (r *Reader) withIDs(ctx context.Context, places []Place, ids []string) ([]results.Result, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	read := make([]*results.Result, len(places)*len(ids))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for i, p := range places {
		for k, id := range ids {
			g.Go(func() error {
				found, ok, err := r.result(ctx, p, id)
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
