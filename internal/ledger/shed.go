package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Shed lets go of the documents of up to about most invoices of each kind that were rejected, dismissed
// or superseded longer ago than keep, by Redis's clock. gone is how many went; archived are those whose
// document lies in the archive store: the caller removes it there, and says so with [Ledger.NoteShed].
func (l *Ledger) Shed(ctx context.Context, keep time.Duration, most int) (gone int, archived []string, err error) {
	r, err := l.run(ctx, shedScript, l.args(most, keep.Milliseconds()))
	if err != nil {
		return 0, nil, fmt.Errorf("let go of documents: %w", err)
	}
	for i := 1; i < len(r); i++ {
		archived = append(archived, text(r[i]))
	}
	return int(number(cell(r, 0))), archived, nil
}

// NoteShed says, before it is done, that the document of an ended invoice goes from the archive store;
// kept takes that back when it could not be removed. false says that the invoice is not ended any
// more: it was retried, and needs its document.
func (l *Ledger) NoteShed(ctx context.Context, id string, kept bool) (bool, error) {
	errs, err := l.Apply(ctx, []Move{{ID: id, From: []State{Rejected, Dismissed, Superseded},
		Set: []Set{{Field: "body_archived", Value: kept}}}})
	if err != nil {
		return false, err
	}
	if _, moved := errors.AsType[*ConflictError](errs[0]); moved {
		return false, nil
	}
	return errs[0] == nil, errs[0]
}

// HasBody tells whether the document of an invoice is kept, in Redis or in the archive store.
func (l *Ledger) HasBody(ctx context.Context, inv *Invoice) (bool, error) {
	if inv.BodyArchived {
		return true, nil
	}
	n, err := l.rdb.Exists(ctx, l.key(keyBody, inv.ID)).Result()
	if err != nil {
		return false, fmt.Errorf("look for the document of %s: %w", inv.ID, err)
	}
	return n > 0, nil
}
