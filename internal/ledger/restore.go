package ledger

import "context"

// restore records that documents which were handed in again are stored. An invoice whose document
// was removed or lost can then go on. For a rejected, dismissed or superseded invoice, the time for
// which its document is kept begins again; lua/restore.lua names the exceptions.
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
	if len(receipted) > 0 { // a field of the entry tells the sweep of the document, so the entry needs a key of its own
		if _, err := ts.thaw(ctx, receipted); err != nil {
			return err
		}
	}
	_, err := ts.run(ctx, restoreScript, args)
	return err
}
