package tasks

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"ksefworker/internal/archive"
	"ksefworker/internal/ledger"
	"ksefworker/internal/retry"
)

// errDocument says that an invoice's stored document is gone, is damaged, or is not what was taken
// in. Only a person can fix that, so the invoice is parked.
type errDocument struct {
	id  string
	why string
}

func (e *errDocument) Error() string { return fmt.Sprintf("document of %s: %s", e.id, e.why) }

// documents reads what was handed in, from Redis or the archive, and opens it.
type documents struct {
	*core
	writer    *writer
	archiving *archiveUse
	alone     *bulkhead // large documents that are sent alone
	storage   storage
}

// document reads the exact bytes that were taken in, from Redis or the archive, and checks their
// hash.
func (d *documents) document(ctx context.Context, inv *ledger.Invoice) ([]byte, error) {
	var sealed []byte
	var err error
	if !inv.BodyArchived {
		sealed, err = d.Ledger.Body(ctx, inv.ID)
	}
	return d.unseal(ctx, inv, sealed, err)
}

// documents reads the documents of many invoices. It returns one document or one error for each
// invoice. The error is an *[errDocument], or an error of the archive about that document alone.
// The last value is an error that stops the whole read: the ledger failed, the archive is out of
// service, or only another worker can open a document.
func (d *documents) documents(ctx context.Context, invs []ledger.Invoice) ([][]byte, []error, error) {
	ids := make([]string, len(invs))
	for i := range invs {
		ids[i] = invs[i].ID
	}
	sealed, err := d.Ledger.BodiesOf(ctx, ids)
	if err != nil {
		return nil, nil, err
	}
	docs, errs := make([][]byte, len(invs)), make([]error, len(invs))
	for i := range invs {
		var missing error
		if sealed[i] == nil && !invs[i].BodyArchived {
			missing = ledger.ErrNotFound
		}
		docs[i], errs[i] = d.unseal(ctx, &invs[i], sealed[i], missing)
		var bad *errDocument
		var elsewhere *retry.LaterError // another worker can open the document
		if errs[i] != nil && !errors.As(errs[i], &bad) && (errors.As(errs[i], &elsewhere) || !d.onlyThisObject(ctx, errs[i])) {
			return nil, nil, errs[i]
		}
	}
	return docs, errs, nil
}

// unseal opens a document and checks its hash. sealed and err are what the ledger answered. A
// document that is in the archive is read from there instead.
func (d *documents) unseal(ctx context.Context, inv *ledger.Invoice, sealed []byte, err error) ([]byte, error) {
	if inv.BodyArchived {
		sealed, err = d.Store.Get(ctx, archive.BodyName(inv.ID))
	}
	if errors.Is(err, ledger.ErrNotFound) || errors.Is(err, archive.ErrNotFound) {
		return nil, &errDocument{inv.ID, "is missing from storage; hand the file in again"}
	}
	if errors.Is(err, archive.ErrCorrupt) {
		return nil, &errDocument{inv.ID, "is damaged in storage; hand the file in again"}
	}
	if err != nil {
		return nil, err
	}
	doc, err := d.Bodies.OpenInto(unusedDocument(), inv.ID, sealed)
	if err != nil {
		return nil, d.unopened(ctx, inv.ID, err)
	}
	if ledger.HashText(sha256.Sum256(doc)) != inv.Hash {
		return nil, &errDocument{inv.ID, "is not what was taken in: its hash differs"}
	}
	return doc, nil
}
