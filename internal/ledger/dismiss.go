package ledger

import (
	"context"
	"fmt"
	"time"
	"unicode/utf8"
)

// Dismissal says who ended something that is not to be sent, and why.
type Dismissal struct {
	By     string
	Reason string
}

// maxDismissal is how many bytes of a person's reason are kept.
const maxDismissal = 500

// note is what is kept of a dismissal: one line, because the reason of an entry is what every
// listing, and the archive, shows.
func (d Dismissal) note(at time.Time, was string) string {
	s := fmt.Sprintf("dismissed %s by %s: %s", at.UTC().Format(time.RFC3339), d.By, shortened(d.Reason, maxDismissal))
	if was != "" {
		s += "; before that " + was
	}
	return s
}

// shortened cuts a text to at most so many bytes, between two characters.
func shortened(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most] + "…"
}

// Dismiss ends an invoice that is queued, rejected or parked for good; another document can take its
// number then. It returns a [*ConflictError] when the entry is not as it was read: one that a package
// holds, or that is being sent, may be in KSeF soon, and no person can stop it.
func (l *Ledger) Dismiss(ctx context.Context, inv *Invoice, d Dismissal) error {
	now, err := l.Clock(ctx)
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
	return l.Move(ctx, Move{ID: inv.ID, Rev: inv.Rev, To: Dismissed, Set: []Set{{"reason", d.note(now, was)}}})
}
