package ledger

import "context"

// restore records the documents of invoices that were handed in again, so that an invoice whose
// document was removed or lost can go on.
func (ts *TakeStore) restore(ctx context.Context, batch []NewInvoice, results []TakeResult, there present) error {
	args := ts.args()
	n := len(args)
	var receipted []string
	for i := range batch {
		if results[i].Taken != Present {
			continue
		}
		if n, here := &batch[i], there.entries[batch[i].ID]; n.BodyArchived {
			args = append(args, n.ID, n.BodySeal)
			if here.state == Receipted {
				receipted = append(receipted, n.ID)
			}
		} else if n.Body != nil && !here.body && here.state != Receipted {
			args = append(args, n.ID, "")
		} else if n.Body != nil && (here.state == Rejected || here.state == Dismissed) {
			args = append(args, n.ID, "=")
		}
	}
	if len(args) == n {
		return nil
	}
	if len(receipted) > 0 { // only an entry with a key of its own can say that the sweep has a document to remove
		if _, err := ts.thaw(ctx, receipted); err != nil {
			return err
		}
	}
	_, err := ts.run(ctx, restoreScript, args)
	return err
}
