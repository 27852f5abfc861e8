package ledger

import "context"

// Receipt ends the path of accepted invoices whose receipt, document and result are archived. It
// removes the document from Redis. upo is the URL of the archived receipt. The errors are those of
// [Ledger.Apply].
func (is *InvoiceStore) Receipt(ctx context.Context, ids []string, upo string) ([]error, error) {
	return is.ReceiptWith(ctx, ids, upo, "")
}

// ReceiptWith is like Receipt and also writes a reason. The reason tells a person that something in
// the archive was found damaged.
func (is *InvoiceStore) ReceiptWith(ctx context.Context, ids []string, upo, reason string) ([]error, error) {
	moves := make([]Move, len(ids))
	for i, id := range ids {
		moves[i] = Move{ID: id, To: Receipted, Edit: Edit{{"upo", upo}, {"reason", reason}}, dropBody: true}
	}
	errs, err := is.Apply(ctx, moves)
	if err == nil {
		// An entry that cannot be packed now is packed later by the sweep.
		_, _ = is.compact(ctx, ids, nil)
	}
	return errs, err
}
