package ledger

import "context"

// restore records the documents of invoices that were handed in again: an invoice whose document
// was removed or lost can go on.
func (ts *TakeStore) restore(ctx context.Context, batch []NewInvoice, results []TakeResult, there present) error {
	args := ts.args()
	n := len(args)
	for i := range batch {
		if results[i].Taken != Present {
			continue
		}
		if n, here := &batch[i], there.entries[batch[i].ID]; n.BodyArchived {
			args = append(args, n.ID, n.BodySeal)
		} else if n.Body != nil && !here.body && here.state != Receipted {
			args = append(args, n.ID, "")
		} else if n.Body != nil && (here.state == Rejected || here.state == Dismissed) {
			args = append(args, n.ID, "=")
		}
	}
	if len(args) == n {
		return nil
	}
	_, err := ts.run(ctx, restoreScript, args)
	return err
}
