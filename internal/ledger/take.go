package ledger

import (
	"context"
	"fmt"
)

// Taken says what became of one invoice that was handed to the ledger.
type Taken string

// The outcomes of [Ledger.Take].
const (
	Created Taken = "created" // a new entry, queued
	Present Taken = "present" // the same document is here already; nothing was written
	Refused Taken = "refused" // another document of the same identity is alive or accepted; nothing was written
)

// TakeResult tells the outcome; ID, State and Rev are those of the entry in question: for [Refused] that of the other
// document.
type TakeResult struct {
	Taken    Taken
	ID       string
	State    State
	Rev      int64
	Revision int
}

// NewInvoice is what is handed in. Body is the sealed document (see [Bodies]); nil when it was put into the archive store.
type NewInvoice struct {
	Invoice
	Body []byte
}

// takeBatch bounds one script call: about 200 documents of 3 kB are moved in a few milliseconds, during which Redis
// serves nobody else.
const takeBatch = 200

// Take writes entries for new invoices, each on its own: one refused does not stop the others. From the
// moment it returns [Created] the invoice is never lost: the sweep drives it on even when nothing was queued for it.
//
// State, revisions and times of the given entries are ignored. An error means that the outcome of the batch is
// not known; handing in the same invoices again is safe.
func (l *Ledger) Take(ctx context.Context, invoices []NewInvoice) ([]TakeResult, error) {
	out := make([]TakeResult, 0, len(invoices))
	for len(invoices) > 0 {
		n := min(len(invoices), takeBatch)
		args := l.args()
		now := Millis(args[1].(int64))
		for i := range invoices[:n] {
			args = appendNew(args, &invoices[i], now)
		}
		rows, err := l.run(ctx, addScript, args)
		if err != nil {
			return out, fmt.Errorf("take in invoices: %w", err)
		}
		for i, v := range rows {
			if revision, made := v.(int64); made {
				out = append(out, TakeResult{Taken: Created, ID: invoices[i].ID, State: Queued, Rev: 1, Revision: int(revision)})
				continue
			}
			r := row(v)
			out = append(out, TakeResult{
				Taken: Taken(text(cell(r, 0))), ID: text(cell(r, 1)), State: State(text(cell(r, 2))),
				Rev: number(cell(r, 3)), Revision: int(number(cell(r, 4))),
			})
		}
		invoices = invoices[n:]
	}
	return out, nil
}

func appendNew(args []any, n *NewInvoice, now Millis) []any {
	var body any = ""
	if n.Body != nil {
		body = n.Body
	}
	return append(args, n.ID, Identity{n.NIP, n.Kind, n.Number}.digest(), n.Number, body,
		int64(n.Deadline), string(n.Lane), n.Size, n.packFacts(now), n.BodyArchived)
}
