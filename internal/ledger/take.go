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
		for i := range invoices[:n] {
			args = appendNew(args, &invoices[i])
		}
		rows, err := l.run(ctx, addScript, args)
		if err != nil {
			return out, fmt.Errorf("take in invoices: %w", err)
		}
		for _, v := range rows {
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

func appendNew(args []any, n *NewInvoice) []any {
	ident := Identity{n.NIP, n.Kind, n.Number}.digest()
	fields := []any{
		"deadline", int64(n.Deadline), // first: the script finds it by its place
		"soft_deadline", int64(n.SoftDeadline),
		"v", Version, "id", n.ID, "ident", ident,
		"tenant", n.Tenant, "nip", n.NIP, "kind", n.Kind, "number", n.Number, "issue_date", n.IssueDate,
		"hash", n.Hash, "file", n.File, "lane", string(n.Lane), "offline", n.Offline, "form", n.Form,
		"attachment", n.Attachment, "size", n.Size, "body_archived", n.BodyArchived,
	}
	for _, f := range []struct{ name, value string }{
		{"buyer_name", n.BuyerName}, {"buyer_nip", n.BuyerNIP}, {"gross", n.Gross}, {"currency", n.Currency},
	} {
		if f.value != "" {
			fields = append(fields, f.name, f.value)
		}
	}
	var body any = ""
	if n.Body != nil {
		body = n.Body
	}
	args = append(args, n.ID, ident, n.Number, body, len(fields))
	return append(args, fields...)
}
