package ledger

import (
	"context"
	"fmt"
	"time"
)

// Shed is what [Ledger.Shed] did and found.
type Shed struct {
	Gone      int      // documents that were deleted
	Archived  []string // rejected, dismissed and superseded invoices whose document may be in the archive store
	Receipted []string // receipted invoices whose document is in the archive store
}

// Shed deletes the documents of invoices that were rejected, dismissed or superseded longer ago
// than the duration keep, by Redis's clock. If keep is 0, these documents stay. Shed also finds
// receipted invoices whose document is still in the archive store. A document is left behind there
// when a process dies after it has written the receipt. Invoices whose receipt is younger than the
// duration quiet are left alone. Shed looks at up to about limit invoices of each state.
//
// Shed leaves the documents that are in the archive store to the caller, who removes them. Before
// that, the caller calls [Ledger.NoteShed] for each invoice in Archived, but not for those in
// Receipted. Afterwards it calls [Ledger.BodiesGone].
func (bs *BodyStore) Shed(ctx context.Context, keep, quiet time.Duration, limit int) (Shed, error) {
	var kept any = ""
	if keep > 0 {
		kept = keep.Milliseconds()
	}
	r, err := bs.run(ctx, shedScript, bs.args(limit, kept, quiet.Milliseconds()))
	if err != nil {
		return Shed{}, fmt.Errorf("delete documents: %w", err)
	}
	s := Shed{Gone: int(number(cell(r, 0)))}
	list := &s.Archived
	for i := 1; i < len(r); i++ {
		id := text(r[i])
		if id == "" {
			list = &s.Receipted
			continue
		}
		*list = append(*list, id)
	}
	return s, nil
}

// NoteShed records that the document of an ended invoice will be removed from the archive store. It
// is called before the removal, and again with kept true if the removal failed. It returns false if
// a person has retried the invoice, which then needs its document, or if the entry cannot be read.
// NoteShed does not change how long the entry is kept.
func (bs *BodyStore) NoteShed(ctx context.Context, id string, kept bool) (bool, error) {
	what := "going"
	if kept {
		what = "kept"
	}
	r, err := bs.noteShed(ctx, what, id)
	return err == nil && number(cell(r, 0)) == 1, err
}

// BodiesGone records that the documents of ended or receipted invoices were removed from the
// archive store.
func (bs *BodyStore) BodiesGone(ctx context.Context, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	_, err := bs.noteShed(ctx, "gone", ids...)
	return err
}

func (bs *BodyStore) noteShed(ctx context.Context, what string, ids ...string) ([]any, error) {
	args := bs.args(what)
	for _, id := range ids {
		args = append(args, id)
	}
	r, err := bs.run(ctx, noteShedScript, args)
	if err != nil {
		return nil, fmt.Errorf("note where documents are (%d): %w", len(ids), err)
	}
	return r, nil
}

// HasBody reports whether the document of an invoice is stored, in Redis or in the archive store.
func (bs *BodyStore) HasBody(ctx context.Context, inv *Invoice) (bool, error) {
	if inv.BodyArchived {
		return true, nil
	}
	n, err := bs.rdb.Exists(ctx, bs.key(keyBody, inv.ID)).Result()
	if err != nil {
		return false, fmt.Errorf("check for the document of %s: %w", inv.ID, err)
	}
	return n > 0, nil
}
