package tasks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"

	"ksefworker/internal/archive"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/pack"
	"ksefworker/internal/retry"
	"ksefworker/internal/settlement"
)

// build streams the documents of a package into its spool. It returns nil without an error when
// this package is not to be sent, because nothing is left in it or because its invoices went into
// other packages. Documents are read in pieces of at most 64 documents and about pieceBytes of XML.
// So the memory in use does not depend on the size of the package.
func (b *batchBuilder) build(ctx context.Context, p *ledger.Package, key ksef.SessionKey) (*pack.Package, error) {
	held, err := b.readHeld(ctx, p)
	if err != nil {
		return nil, err
	}
	// Both leave out the invoices that an earlier build of this package parked.
	undecided, unread := held.Undecided(p.ID), held.UnreadUndecided(p.ID)
	switch {
	case unread > 0 && len(undecided) == 0:
		return nil, unreadLater(settlement.UnreadPause, unread)
	case unread > 0: // the readable ones go in a package of their own, and this package waits for the others
		part := ledger.Part{Refusals: p.Refusals, IDs: idsOf(undecided)}
		return nil, b.writer.split(ctx, p, settlement.Split{Parts: []ledger.Part{part}, End: settlement.EndOf(*p, held, len(undecided)),
			Proof: settlement.ProvenUnposted})
	}
	invs := make([]ledger.Invoice, len(undecided))
	for i, inv := range undecided {
		invs[i] = *inv
	}
	invs = unreadLast(invs)
	kept := 0
	var aside []unreadDocument
	entries := func(yield func(pack.Entry, error) bool) {
		for e, err := range b.entries(ctx, invs, &aside) {
			if err == nil {
				kept++
			}
			if !yield(e, err) {
				return
			}
		}
	}
	form := b.o.packageForm(p.Tenant)
	built, err := pack.Build(ctx, entries, pack.Options{
		Dir: b.o.SpoolDir, PartSize: b.o.PartSize, MaxSize: form.MaxSize, Format: form.Format,
		MaxEntries: b.o.sessionInvoices(p.Tenant), Encrypter: key.Encrypter})
	var full *pack.FullError
	switch {
	case len(aside) > 0 && (err == nil || errors.Is(err, pack.ErrEmpty) || errors.Is(err, errManyUnread)):
		if lost := b.documents.setAside(ctx, p, aside, kept, err != nil && kept+len(aside) < len(invs)); lost != nil || err != nil {
			if built != nil {
				lost = errors.Join(lost, built.Remove())
			}
			return nil, cmp.Or(lost, later(buildLater, retry.ReasonArchive, "stored documents that cannot be read were set aside"))
		}
		return built, nil
	case err == nil:
		return built, nil
	case errors.Is(err, pack.ErrEmpty) && kept == 0:
		// Each invoice was parked with its reason.
		return nil, b.writer.split(ctx, p, settlement.Split{End: settlement.EndOf(*p, held, 0), Reason: "no invoice is left to send"})
	case errors.As(err, &full):
		return nil, b.halveFull(ctx, p, full)
	}
	return nil, fmt.Errorf("build %s: %w", p.ID, err)
}

// halveFull halves a package that does not fit into one session. Its invoices are read again,
// because some may have been parked while it was built.
func (b *batchBuilder) halveFull(ctx context.Context, p *ledger.Package, full *pack.FullError) error {
	held, err := b.readHeld(ctx, p)
	if err != nil {
		return err
	}
	halves := settlement.Halve(*p, held, p.Refusals, 0, "does not fit into one session: "+full.Error(), settlement.ProvenUnposted)
	if halves == nil {
		return nil
	}
	return b.writer.split(ctx, p, *halves)
}

func idsOf(invs []*ledger.Invoice) []string {
	ids := make([]string, len(invs))
	for i, inv := range invs {
		ids[i] = inv.ID
	}
	return ids
}

const documentsAtOnce = 64

// errManyUnread ends a build in which maxSetAside documents cannot be read.
var errManyUnread = errors.New("many stored documents cannot be read")

// entries yields the documents of invoices. It adds those that cannot be read to aside.
func (b *batchBuilder) entries(ctx context.Context, invs []ledger.Invoice, aside *[]unreadDocument) iter.Seq2[pack.Entry, error] {
	return func(yield func(pack.Entry, error) bool) {
		for len(invs) > 0 {
			some := piece(invs, documentsAtOnce, pieceBytes)
			if !b.yieldPiece(ctx, some, aside, yield) {
				return
			}
			invs = invs[len(some):]
		}
	}
}

// yieldPiece yields the documents of one piece and reports whether to go on. The documents are in
// memory only while yieldPiece runs.
func (b *batchBuilder) yieldPiece(ctx context.Context, invs []ledger.Invoice, aside *[]unreadDocument,
	yield func(pack.Entry, error) bool) bool {
	fail := func(err error) bool { yield(pack.Entry{}, err); return false }
	release, err := b.buildMemory.hold(ctx, invs)
	if err != nil {
		return fail(err)
	}
	defer release()
	docs, errs, err := b.documents.documents(ctx, invs)
	if err != nil {
		return fail(err)
	}
	for i := range invs {
		var bad *errDocument
		var call *archive.CallError
		switch {
		case errors.As(errs[i], &call):
			if *aside = append(*aside, unreadDocument{invs[i], call}); len(*aside) >= maxSetAside {
				return fail(errManyUnread)
			}
			continue
		case errors.As(errs[i], &bad): // one lost document must not delay the others
			if err := b.writer.park(ctx, stopped(&invs[i], bad.Error())); err != nil {
				return fail(err)
			}
			continue
		case errs[i] != nil:
			return fail(errs[i])
		case invs[i].Corrects != "": // it has left the express lane, and KSeF takes no correction in a package
			if err := b.writer.park(ctx, stopped(&invs[i], errInPackage.Error())); err != nil {
				return fail(err)
			}
			continue
		}
		if err := b.documents.readAgain(ctx, &invs[i]); err != nil {
			return fail(err)
		}
		more := yield(pack.Entry{Name: invs[i].ID + ".xml", Data: docs[i]}, nil)
		reuse(docs[i]) // the package has a compressed copy, or is given up
		if docs[i] = nil; !more {
			return false
		}
	}
	return true
}
