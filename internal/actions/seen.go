package actions

import (
	"context"

	"ksefworker/internal/audit"
	"ksefworker/internal/ledger"
)

// MarkSeen records that somebody has seen an open item, so that the next person need not look. An
// open item is a rejected or parked invoice, or a refused document. When seen is false, MarkSeen
// removes the mark. Nothing else about the item changes. tenant is the tenant of the item. When the
// item is not open any more, MarkSeen returns a [*NotDoneError].
func (x *Executor) MarkSeen(ctx context.Context, item ledger.OpenName, tenant, by string, seen bool) (done error) {
	act, mark := audit.Entry{Who: by, What: audit.Seen, Tenant: tenant, ID: item.ID}, by
	if !seen {
		act.What, mark = audit.Unseen, ""
	}
	if err := x.Audit.Begin(ctx, act); err != nil {
		return err
	}
	defer func() { x.Audit.NotDone(ctx, act, done) }()
	open, err := x.Ledger.MarkSeen(ctx, mark, item)
	if err == nil && !open[0] {
		return &NotDoneError{Cause: Ended}
	}
	return err
}
