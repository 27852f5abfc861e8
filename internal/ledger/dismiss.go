package ledger

import (
	"context"
	"fmt"
	"time"
	"unicode/utf8"

	"ksefworker/internal/invoice"
)

// Dismissal says who decided that something will not be sent, and why.
type Dismissal struct {
	By     string
	Reason string
}

// maxDismissal is how many bytes of a person's reason are kept.
const maxDismissal = 500

// note returns what is kept of a dismissal. It is one line, because listings and the archive show
// it as the reason of the entry. The time is in the time zone of Warsaw, like all times that people
// read. The parameter was holds what the entry said before, if anything.
func (d Dismissal) note(at time.Time, was string) string {
	s := fmt.Sprintf("dismissed %s by %s: %s", at.In(invoice.Warsaw()).Format(time.RFC3339), d.By, shortened(d.Reason, maxDismissal))
	if was != "" {
		s += "; before that " + was
	}
	return s
}

// shortened cuts a text that is longer than limit bytes. It keeps at most limit bytes, cuts between
// two characters, and adds "…".
func shortened(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit] + "…"
}

// DecisionStore writes what people decide about invoices, and lists what they have to decide.
type DecisionStore struct {
	*store
	entries  *EntryReader
	invoices *InvoiceStore
	refusals *RefusalStore
}

// Dismiss ends an invoice that is queued, rejected or parked. Another document can then take its
// identity. TakeBack undoes a dismissal. Dismiss returns a [*ConflictError] if the entry is not as
// it was read. An invoice that a package holds, or that is being sent, cannot be dismissed, because
// it may soon be in KSeF.
func (ds *DecisionStore) Dismiss(ctx context.Context, inv *Invoice, d Dismissal) error {
	now, err := ds.Clock(ctx)
	if err != nil {
		return err
	}
	was := ""
	if inv.State.Open() {
		was = string(inv.State)
		if inv.Code != 0 {
			was += fmt.Sprintf(" with code %d", inv.Code)
		}
		if inv.Reason != "" {
			was += ": " + inv.Reason
		}
	}
	return ds.invoices.Move(ctx, Move{ID: inv.ID, Rev: inv.Rev, To: Dismissed, Edit: Edit{{"reason", d.note(now, was)}}})
}
