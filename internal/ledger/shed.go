package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Shed deletes the documents of up to about limit invoices of each state that were rejected,
// dismissed or superseded longer ago than keep, by Redis's clock. gone is how many documents it
// deleted. archived are the ids of invoices whose document is in the archive store: the caller
// removes it there, after it has called [Ledger.NoteShed].
func (l *Ledger) Shed(ctx context.Context, keep time.Duration, limit int) (gone int, archived []string, err error) {
	r, err := l.run(ctx, shedScript, l.args(limit, keep.Milliseconds()))
	if err != nil {
		return 0, nil, fmt.Errorf("delete documents: %w", err)
	}
	for i := 1; i < len(r); i++ {
		archived = append(archived, text(r[i]))
	}
	return int(number(cell(r, 0))), archived, nil
}

// NoteShed records that the document of an ended invoice will be removed from the archive store. It
// is called before the removal, and again with kept if the removal failed. It returns false if the
// invoice has not ended any more: it was retried and needs its document.
func (l *Ledger) NoteShed(ctx context.Context, id string, kept bool) (bool, error) {
	errs, err := l.Apply(ctx, []Move{{
		ID: id, From: []State{Rejected, Dismissed, Superseded}, Set: []Set{{Field: "body_archived", Value: kept}},
	}})
	if err != nil {
		return false, err
	}
	if _, moved := errors.AsType[*ConflictError](errs[0]); moved {
		return false, nil
	}
	return errs[0] == nil, errs[0]
}

// HasBody reports whether the document of an invoice is stored, in Redis or in the archive store.
func (l *Ledger) HasBody(ctx context.Context, inv *Invoice) (bool, error) {
	if inv.BodyArchived {
		return true, nil
	}
	n, err := l.rdb.Exists(ctx, l.key(keyBody, inv.ID)).Result()
	if err != nil {
		return false, fmt.Errorf("check for the document of %s: %w", inv.ID, err)
	}
	return n > 0, nil
}
