package tasks

import (
	"context"
	"crypto/sha256"
	"errors"

	"ksefworker/internal/archive"
	"ksefworker/internal/ledger"
)

// archived returns the document with this hash that the archive has under the identity and month of
// inv. It returns nil when the archive has no such document that is intact.
func (ar *archivist) archived(ctx context.Context, inv *ledger.Invoice, hash string) ([]byte, error) {
	id := inv.IDWith(hash)
	if id == "" {
		return nil, nil
	}
	doc, err := ar.Store.Get(ctx, archive.InvoiceName(inv.NIP, inv.IssueDate, id))
	if errors.Is(err, archive.ErrNotFound) || errors.Is(err, archive.ErrCorrupt) || err == nil &&
		ledger.HashText(sha256.Sum256(doc)) != hash {
		return nil, nil
	}
	return doc, err
}

// documentName returns the name under which an invoice's document is archived. KSeF may have the
// invoice in other bytes than were handed in. The worker may have archived the document that was
// handed in, under the usual name, before it knew of the difference. In that case KSeF's document
// gets the name that follows from its own bytes.
func (ar *archivist) documentName(ctx context.Context, inv *ledger.Invoice, doc []byte) string {
	name := archive.InvoiceName(inv.NIP, inv.IssueDate, inv.ID)
	own := inv.IDWith(ledger.HashText(sha256.Sum256(doc)))
	if own == "" || own == inv.ID {
		return name
	}
	if ours, err := ar.Store.Get(ctx, name); err == nil && inv.IDWith(ledger.HashText(sha256.Sum256(ours))) == inv.ID {
		return archive.InvoiceName(inv.NIP, inv.IssueDate, own)
	}
	return name
}
