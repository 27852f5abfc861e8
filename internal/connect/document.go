package connect

import (
	"context"
	"fmt"

	"ksefworker/internal/archive"
	"ksefworker/internal/ledger"
)

// Document returns the document of an invoice as long as it is kept for sending. The document is in
// Redis, or in the archive when it is too large for Redis. The error wraps [ledger.ErrNotFound] or
// [archive.ErrNotFound] when the document is gone, or this process cannot open it. Every other
// error comes from Redis or the archive. The copy that the archive keeps for good has another name,
// see [archive.InvoiceName].
func (p *Pool) Document(ctx context.Context, inv *ledger.Invoice) ([]byte, error) {
	var sealed []byte
	var err error
	if inv.BodyArchived {
		sealed, err = p.Store.Get(ctx, archive.BodyName(inv.ID))
	} else {
		sealed, err = p.Ledger.Body(ctx, inv.ID)
	}
	if err != nil {
		return nil, err
	}
	doc, err := p.Bodies.Open(inv.ID, sealed)
	if err != nil {
		return nil, fmt.Errorf("%w here: %w", ledger.ErrNotFound, err)
	}
	return doc, nil
}
