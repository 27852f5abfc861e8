package tasks

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"ksefworker/internal/archive"
	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

// filing brings some invoices of a package into the archive. It writes them piece by piece, makes
// them durable together, then moves their entries in the ledger. An invoice that cannot be archived
// keeps its state, and gets a reason if it is accepted. The other invoices go on.
type filing struct {
	w       *archivist
	upos    attestations
	bundles *bundles // nil: each invoice is kept by itself
	files   []*file
}

// file is one invoice of a filing. inv shows the state that is about to be written.
type file struct {
	inv    ledger.Invoice
	was    ledger.Invoice // as it was read from the ledger
	names  []string       // the objects that were written
	damage string         // what a person should know of a damaged object in the archive; "" is none
	err    error          // why it could not be archived
}

// write puts the documents and results of one piece into the archive. It returns only an error that
// concerns more than one invoice. For example, Redis failed, the archive is out of service, or a
// bundle could not be written.
func (f *filing) write(ctx context.Context, invs []ledger.Invoice) error {
	release, err := f.w.receiptMemory.hold(ctx, invs)
	if err != nil {
		return err
	}
	defer release()
	docs, docErrs, err := f.w.documents.documents(ctx, invs)
	if err != nil {
		return err
	}
	var g errgroup.Group
	g.SetLimit(archiveParallel)
	for i := range invs {
		one := &file{inv: invs[i], was: invs[i]}
		doc, err := f.prepare(ctx, one, docs[i], docErrs[i])
		docs[i] = nil
		if errors.Is(err, errElsewhere) {
			continue
		}
		f.files = append(f.files, one)
		if one.err = err; err != nil {
			continue
		}
		g.Go(func() error {
			if f.bundles.takes(&one.inv, doc) {
				one.err = f.bundles.add(one, doc)
				reuse(doc) // the bundle has a compressed copy
				return nil
			}
			if one.err = f.w.archiveOne(ctx, one, doc); one.err != nil && f.w.archiving.givesUp(ctx) {
				return one.err
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return f.bundles.seal(ctx, bundleSize)
}

// givesUp reports whether the other invoices need not be tried now, because the task is cancelled
// or the archive is out of service.
func (u *archiveUse) givesUp(ctx context.Context) bool {
	return ctx.Err() != nil || archive.HealthOf(u.Store).OutOfService
}

// errElsewhere marks an invoice for which nothing is to be done here. It is archived already, or on
// its way in another package.
var errElsewhere = errors.New("nothing to archive")

// prepare decides what is to be archived of an invoice. It returns the document, and sets the state
// and reason that the ledger will get.
func (f *filing) prepare(ctx context.Context, one *file, doc []byte, docErr error) ([]byte, error) {
	inv := &one.inv
	switch inv.State {
	case ledger.Accepted:
		if docErr != nil {
			var err error
			if doc, err = f.w.fetchAgain(ctx, inv); err != nil {
				return nil, notYet(err)
			}
		}
		if inv.UPO = f.upos.url(inv); inv.UPO != "" {
			inv.State, inv.Reason = ledger.Receipted, ""
		} else if why := f.upos.contradiction(inv); why != "" {
			inv.Reason = why // KSeF has it, so it stays accepted
		} else if f.upos.overdue || f.upos.session(inv) == "" {
			inv.Reason = f.upos.noReceiptReason(inv)
		}
		return doc, nil
	case ledger.Rejected, ledger.Parked, ledger.Dismissed, ledger.Superseded:
		return doc, nil
	}
	// A receipted invoice is archived in full already, because the ledger gets that state only
	// after the archive has everything.
	return nil, errElsewhere
}

// archiveOne writes the document and the result of an invoice. When it meets a damaged object, it
// notes that in the file and in the result.
func (ar *archivist) archiveOne(ctx context.Context, one *file, doc []byte) error {
	inv := &one.inv
	if doc != nil {
		taken, bad, err := ar.archiving.keep(ar.documentName(ctx, inv, doc), func(name string, _ []string) error {
			return ar.Store.Put(ctx, name, doc, "application/xml")
		})
		if err != nil {
			return err
		}
		one.names = append(one.names, taken)
		if bad != nil {
			one.met(ar.archiving.besideDamaged(bad, taken))
		}
	}
	name := archive.ResultName(inv.NIP, inv.IssueDate, inv.ID)
	taken, bad, err := ar.archiving.keep(name, func(name string, bad []string) error {
		if more, err := ar.tellsMore(ctx, inv, name); more || err != nil {
			return err
		}
		told := *inv
		if bad != nil {
			told.Reason = join(told.Reason, ar.archiving.besideDamaged(bad, name))
		}
		document := results.Of(told, ar.o.Environment)
		document.AddDocument(doc)
		result, err := json.MarshalIndent(document, "", "  ")
		if err != nil {
			return err
		}
		return ar.Store.Replace(ctx, name, append(result, '\n'), "application/json")
	})
	if err != nil {
		return err
	}
	one.names = append(one.names, taken)
	if bad != nil {
		one.met(ar.archiving.besideDamaged(bad, taken))
	}
	return nil
}

// tellsMore reports whether the archive has a result that says that KSeF has the invoice, although
// the ledger does not know that. Then Redis was restored from a backup, and the result in the
// archive is the right one. It is never replaced by one without a KSeF number.
func (ar *archivist) tellsMore(ctx context.Context, inv *ledger.Invoice, name string) (bool, error) {
	if inv.State.InKSeF() {
		return false, nil
	}
	raw, err := ar.Store.Get(ctx, name)
	if errors.Is(err, archive.ErrNotFound) || errors.Is(err, archive.ErrCorrupt) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var kept results.Result
	if json.Unmarshal(raw, &kept) != nil || kept.ID != inv.ID || !ledger.State(kept.State).InKSeF() {
		return false, nil
	}
	ar.o.Log.Warn().Str("id", inv.ID).Str("state", string(inv.State)).Str("archived_state", kept.State).
		Str("ksef_number", kept.KsefNumber).Str("object", name).
		Msg("the archive says that KSeF has this invoice, and the ledger does not; the result in the archive was left as it is: retry the invoice")
	return true, nil
}

// met notes damage. The invoice's reason names it once, even when the invoice is archived again.
func (f *file) met(damage string) {
	f.damage = join(f.damage, damage)
	if !strings.Contains(f.inv.Reason, damage) {
		f.inv.Reason = join(f.inv.Reason, damage)
	}
}

func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}

// flush makes durable what was written. When that fails although the archive is in service, it
// flushes the invoices one by one. So an object that cannot be brought to disk concerns only the
// invoices that are in it.
func (f *filing) flush(ctx context.Context) error {
	var names []string
	for _, one := range f.files {
		if one.err == nil {
			names = append(names, one.names...)
		}
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names) // the invoices of a bundle have the same names
	err := f.w.Store.Flush(ctx, slices.Compact(names)...)
	if err == nil || f.w.archiving.givesUp(ctx) {
		return err
	}
	known := map[string]error{} // the result of each flush, by the name of its first object
	for _, one := range f.files {
		if one.err == nil && len(one.names) > 0 {
			again, ok := known[one.names[0]]
			if !ok {
				again = f.w.Store.Flush(ctx, one.names...)
				known[one.names[0]] = again
			}
			one.err = again
		}
		if f.w.archiving.givesUp(ctx) {
			return err
		}
	}
	return nil
}
