package records

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"

	"golang.org/x/sync/errgroup"

	"ksefworker/internal/archive"
	"ksefworker/internal/results"
)

// The archive may have lost the result of an invoice and still have its document. The document
// alone does not tell what became of the invoice. But it shows that the archive had the invoice, so
// nobody may say that there is none.

// Result returns what the document and the receipt of an invoice tell of its result, as far as
// [Reader.Document] and [Reader.Receipt] need it. The result has no state. Result returns false
// when the archive does not have the document.
func (a Attested) Result() (results.Result, bool) {
	if a.Document == "" {
		return results.Result{}, false
	}
	folder := path.Dir(a.Document)
	return results.Result{
		ID: path.Base(archive.WithoutCopy(a.Document)), NIP: path.Dir(folder), IssueDate: path.Base(folder),
		KsefNumber: a.KsefNumber, Hash: a.line.Hash, UPO: a.Receipt,
	}, true
}

// ResultName returns the name that the result has in the archive when it is there; "" when the
// archive does not have the document.
func (a Attested) ResultName() string {
	of, ok := a.Result()
	if !ok {
		return ""
	}
	return archive.ResultName(of.NIP, of.IssueDate, of.ID)
}

// maxPlacesListed is how many lists a documentFinder keeps. The invoices of a receipt are of one or
// two months.
const maxPlacesListed = 3

// documentFinder finds the documents of attested invoices.
type documentFinder struct {
	*Reader
	listed map[Place][]string // the names of the documents that are kept by themselves
}

func newDocumentFinder(r *Reader) *documentFinder {
	return &documentFinder{Reader: r, listed: map[Place][]string{}}
}

// find sets a.Document if the archive has the document that the receipt lists. indexed says that an
// index names the invoice, so the document may be in a ZIP.
func (f *documentFinder) find(ctx context.Context, a *Attested, indexed bool) error {
	ids := idsOf(&a.line)
	places, err := placesOfAttested(ctx, f.Reader, *a)
	if err != nil {
		return err
	}
	for _, p := range places {
		names, err := f.names(ctx, p)
		if err != nil {
			return err
		}
		for _, id := range ids {
			for n := 1; n <= maxCopies; n++ {
				name := archive.CopyName(archive.InvoiceName(p.NIP, p.Month, id), n)
				if _, here := slices.BinarySearch(names, name); !here && (n > 1 || !indexed) {
					continue
				}
				raw, err := f.store().Get(ctx, name)
				if err == nil && HashOf(raw) == a.line.Hash {
					a.Document = name
					return nil
				}
				if err != nil && !Missing(err) {
					return err
				}
			}
		}
	}
	return nil
}

// names returns the names of the documents of a place that are kept by themselves, sorted.
func (f *documentFinder) names(ctx context.Context, p Place) ([]string, error) {
	if names, known := f.listed[p]; known {
		return names, nil
	}
	names, err := listOf(ctx, f.Reader, p.folder())
	if err != nil {
		return nil, err
	}
	if len(f.listed) == maxPlacesListed {
		clear(f.listed)
	}
	f.listed[p] = slices.DeleteFunc(names, func(name string) bool { return path.Ext(name) != ".xml" })
	return f.listed[p], nil
}

// tellNoResult reports the missing result of an id in each place that has the document with this id
// and no result. A document in a ZIP is not looked for, because the ZIP has the result too.
func tellNoResult(ctx context.Context, r *Reader, places []Place, id string) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for _, p := range places {
		g.Go(func() error {
			document, result := archive.InvoiceName(p.NIP, p.Month, id), archive.ResultName(p.NIP, p.Month, id)
			here, err := has(ctx, r.below(), document)
			if err != nil || !here {
				return err
			}
			// A damaged result was reported by the search for it.
			if there, err := has(ctx, r.below(), result); err != nil || there {
				return err
			}
			r.unread(result, fmt.Errorf("%w: it is missing, and the document %s is here", archive.ErrCorrupt, document))
			return nil
		})
	}
	return g.Wait()
}

// has reports whether a store has an object, sound or damaged.
func has(ctx context.Context, s archive.Store, name string) (bool, error) {
	_, err := s.Get(ctx, name)
	switch {
	case err == nil || errors.Is(err, archive.ErrCorrupt):
		return true, nil
	case errors.Is(err, archive.ErrNotFound):
		return false, nil
	}
	return false, err
}
