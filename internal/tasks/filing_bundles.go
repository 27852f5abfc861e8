package tasks

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"ksefworker/internal/archive/bundle"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

const (
	// bundleFrom is how many accepted invoices of one seller and month a filing must have for a
	// bundle. Fewer invoices get an object each, because people look for such invoices one by one.
	bundleFrom = 32
	// bundledAtOnce and bundledBytes bound what is archived between two flushes when bundles are
	// made, and so what is repeated after a crash. Twice as many invoices would make half as many
	// bundles. But a worker archives more than one package at a time. If its memory is kept near
	// 100 MB, twice as many invoices would cost the garbage collector a sixth more CPU time.
	bundledAtOnce = 1024
	bundledBytes  = 32 << 20
	// bundleSize is the size at which a bundle is written and the next one begins. A bundle is in
	// memory twice for a moment.
	bundleSize = 8 << 20
)

// bundles are the unfinished bundles of one filing, one for each seller and month.
type bundles struct {
	w        *archivist
	pkg, day string
	count    map[place]int // accepted invoices of this filing

	mu   sync.Mutex
	open map[place]*openBundle
}

// place is the folder of one seller and month.
type place struct{ nip, month string }

func placeOf(inv *ledger.Invoice) place {
	return place{inv.NIP, inv.IssueDate[:min(len(inv.IssueDate), len("2006-01"))]}
}

type openBundle struct {
	entries []bundle.Entry
	files   []*file
	size    int64
}

// bundleError says that a bundle could not be written.
type bundleError struct{ err error }

func (e *bundleError) Error() string { return fmt.Sprintf("write a bundle: %v", e.err) }

// Unwrap returns the cause.
func (e *bundleError) Unwrap() error { return e.err }

// bundlesOf returns the bundles for a filing of some invoices of a package. It returns nil when the
// options ask for no bundles, or when the invoices are too few for a bundle.
func (ar *archivist) bundlesOf(p *ledger.Package, invs []ledger.Invoice) *bundles {
	if !ar.o.ArchivePackages || len(invs) < bundleFrom {
		return nil
	}
	bs := &bundles{w: ar, pkg: p.ID, day: ar.o.Now().In(invoice.Warsaw()).Format(time.DateOnly),
		count: map[place]int{}, open: map[place]*openBundle{}}
	for i := range invs {
		if invs[i].State == ledger.Accepted {
			bs.count[placeOf(&invs[i])]++
		}
	}
	return bs
}

// takes reports whether an invoice goes into a bundle. The invoice must never change again. Its
// name must follow from its own bytes, because readers verify the bytes by that name. Its seller
// and month must have enough invoices for a bundle.
func (bs *bundles) takes(inv *ledger.Invoice, doc []byte) bool {
	return bs != nil && inv.State == ledger.Receipted && bs.count[placeOf(inv)] >= bundleFrom && doc != nil &&
		inv.IDWith(inv.Hash) == inv.ID && ledger.HashText(sha256.Sum256(doc)) == inv.Hash
}

// add puts an invoice into the bundle of its seller and month. Safe for concurrent use.
func (bs *bundles) add(one *file, doc []byte) error {
	inv := &one.inv
	told := results.Of(*inv, bs.w.o.Environment)
	told.AddDocument(doc)
	result, err := json.Marshal(told)
	if err != nil {
		return err
	}
	e, err := bundle.Compress(bundle.Invoice{ID: inv.ID, Number: inv.Number, KsefNumber: inv.KsefNumber, IssueDate: inv.IssueDate,
		Hash: inv.Hash, Document: doc, Result: append(result, '\n')})
	if err != nil {
		return err
	}
	bs.mu.Lock()
	defer bs.mu.Unlock()
	at := placeOf(inv)
	b := bs.open[at]
	if b == nil {
		n := min(bs.count[at], bundledAtOnce)
		b = &openBundle{entries: make([]bundle.Entry, 0, n), files: make([]*file, 0, n)}
		bs.open[at] = b
	}
	b.entries, b.files, b.size = append(b.entries, e), append(b.files, one), b.size+e.Size()
	return nil
}

// seal writes the bundles that have at least this size.
func (bs *bundles) seal(ctx context.Context, size int64) error {
	if bs == nil {
		return nil
	}
	for _, at := range slices.SortedFunc(maps.Keys(bs.open), comparePlaces) {
		if b := bs.open[at]; b.size >= size {
			delete(bs.open, at)
			if err := bs.write(ctx, at, b); err != nil {
				return &bundleError{err}
			}
		}
	}
	return nil
}

func comparePlaces(a, b place) int {
	return cmp.Or(strings.Compare(a.nip, b.nip), strings.Compare(a.month, b.month))
}

// write puts one bundle into the archive, first the ZIP and then its index. A ZIP without an index,
// left by a run that was cut off, is harmless.
func (bs *bundles) write(ctx context.Context, at place, b *openBundle) error {
	made, err := bundle.Make(b.entries)
	if err != nil {
		return err
	}
	b.entries = nil
	index := ""
	taken, bad, err := bs.w.archiving.keep(made.Name(at.nip, at.month, bs.day, bs.pkg), func(name string, _ []string) error {
		var lines []byte
		if index, lines, err = made.Index(name); err != nil {
			return err
		}
		if err := bs.w.Store.Put(ctx, name, made.ZIP, bundle.ZIPType); err != nil {
			return err
		}
		return bs.w.Store.Put(ctx, index, lines, bundle.IndexType)
	})
	if err != nil {
		return err
	}
	if bad != nil {
		bs.w.o.Log.Error().Str("package", bs.pkg).Msg(bs.w.archiving.besideDamaged(bad, taken))
	}
	names := []string{taken, index}
	for _, one := range b.files {
		one.names = names
	}
	return nil
}
