package tasks

import (
	"context"
	"crypto/sha256"
	"errors"

	"ksefworker/internal/ledger"
)

const (
	// archiveAtOnce and archiveBytes bound how much is archived between two flushes when no bundles
	// are made. So they also bound how much is repeated after a crash, and how long a flush takes.
	archiveAtOnce   = 256      // invoices
	archiveBytes    = 64 << 20 // bytes of XML
	archiveParallel = 8
)

// archiveSome writes the documents and results of some invoices, makes them durable, and only then
// moves the invoices in the ledger. left is the error of an invoice that could not be archived
// while others were archived. err concerns all invoices.
func (ar *archivist) archiveSome(ctx context.Context, invs []ledger.Invoice, upos attestations) (left, err error) {
	bs := ar.bundlesOf(upos.pkg, invs)
	if bs != nil && ar.hangs.enough(upos.pkg.ID) {
		ar.o.Log.Warn().Str("package", upos.pkg.ID).
			Msg("the archive does not answer when it is given the documents of the package in one object: each is archived by itself")
		bs = nil
	}
	f, err := ar.fileAll(ctx, invs, upos, bs)
	var refused *bundleError
	if errors.As(err, &refused) && !damaged(err) {
		ar.hangs.note(upos.pkg.ID)
	}
	if errors.As(err, &refused) && damaged(err) && !ar.archiving.givesUp(ctx) {
		// The archive works, but takes no bundle. The invoices of the package must not wait because
		// of that, so each of them is archived by itself.
		ar.o.Log.Error().Str("package", upos.pkg.ID).Err(refused.err).
			Msg("the archive does not take the documents of the package in one object: each is archived by itself")
		f, err = ar.fileAll(ctx, invs, upos, nil)
	}
	if err != nil {
		return nil, err
	}
	if err := f.flush(ctx); err != nil {
		return nil, err
	}
	if left, err = f.move(ctx); err == nil {
		f.bundles.tidy(ctx)
	}
	return left, err
}

// fileAll writes the documents and results of some invoices, in pieces of bounded memory.
func (ar *archivist) fileAll(ctx context.Context, invs []ledger.Invoice, upos attestations, bs *bundles) (*filing, error) {
	f := &filing{w: ar, upos: upos, bundles: bs}
	for rest := invs; len(rest) > 0; {
		some := piece(rest, archiveAtOnce, pieceBytes)
		if err := f.write(ctx, some); err != nil {
			return nil, err
		}
		rest = rest[len(some):]
	}
	return f, bs.seal(ctx, 0)
}

// archivePiece returns the beginning of invs: as many invoices as are archived between two flushes.
func (ar *archivist) archivePiece(invs []ledger.Invoice) []ledger.Invoice {
	if ar.o.ArchivePackages {
		return piece(invs, bundledAtOnce, bundledBytes)
	}
	return piece(invs, archiveAtOnce, archiveBytes)
}

// fetchAgain finds the document of an accepted invoice when our own storage has lost it, or has
// other bytes than KSeF. It returns nil, and logs the loss, when KSeF does not give the right bytes
// either. In that case the archive has only the receipt and the result, which name the hash.
func (ar *archivist) fetchAgain(ctx context.Context, inv *ledger.Invoice) ([]byte, error) {
	if doc, err := ar.archived(ctx, inv, inv.Hash); doc != nil || err != nil {
		return doc, err
	}
	t, err := ar.transport(inv.Tenant)
	if err != nil {
		return nil, err
	}
	doc, err := t.Invoice(ctx, inv.KsefNumber)
	if err != nil && !withheld(err) {
		return nil, err
	}
	if err != nil || ledger.HashText(sha256.Sum256(doc)) != inv.Hash {
		ar.o.Log.Error().Str("id", inv.ID).Str("ksef_number", inv.KsefNumber).
			Msg("accepted, but its document is lost here and KSeF does not give the same bytes")
		return nil, nil
	}
	return doc, nil
}
