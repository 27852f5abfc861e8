package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"ksefworker/internal/ledger"
	"ksefworker/internal/tasks"
)

type retryCmd struct {
	IDs []string `arg:"" name:"ID" help:"Ids of rejected or parked invoices, as submit, status and results print them."`
}

func (c *retryCmd) run(ctx context.Context, p *program) error {
	rows, failed := &columns{s: p.out}, false
	for _, id := range c.IDs {
		inv, err := retry(ctx, p, id)
		var no *notRetried
		if errors.As(err, &no) {
			failed = true
			rows.row(id, inv.Number, "not retried: "+no.why)
			continue
		}
		if err != nil {
			return err
		}
		rows.row(id, inv.Number, string(ledger.Queued))
	}
	if failed {
		return errSome
	}
	return nil
}

// notRetried says why an invoice stays as it is.
type notRetried struct{ why string }

func (e *notRetried) Error() string { return e.why }

func retry(ctx context.Context, p *program, id string) (ledger.Invoice, error) {
	inv, err := p.base.Ledger.Invoice(ctx, id)
	if errors.Is(err, ledger.ErrNotFound) {
		return inv, &notRetried{unknownID(ctx, p, id)}
	}
	if unread, _ := ledger.Skip(err); unread != nil {
		return inv, &notRetried{fmt.Sprintf("its entry cannot be read: %v", unread[0].Err)}
	}
	if err != nil {
		return inv, err
	}
	if inv.State != ledger.Rejected && inv.State != ledger.Parked {
		return inv, &notRetried{fmt.Sprintf("it is %s; only rejected and parked invoices can be retried", inv.State)}
	}
	err = p.base.Ledger.Retry(ctx, &inv)
	var conflict *ledger.ConflictError
	if errors.As(err, &conflict) {
		return inv, &notRetried{"a later document of the same number is alive or accepted, or it moved just now: see enqueue status " + inv.Number}
	}
	if err != nil {
		return inv, err
	}
	// Its revision is the task's, so a task of its first attempt does not stand in the way.
	inv, err = p.base.Ledger.Invoice(ctx, id)
	if err != nil {
		return inv, err
	}
	return inv, p.base.Queue.Put(ctx, tasks.KindSubmit, inv.ID, inv.Rev, tasks.When{Crowd: inv.Crowd})
}

// unknownID helps whoever gave a number where an id was due.
func unknownID(ctx context.Context, p *program, id string) string {
	ids, err := p.base.Ledger.ByNumber(ctx, id)
	if err != nil || len(ids) == 0 {
		return "no invoice has this id"
	}
	return "this is a number (P_2); name the id: " + strings.Join(ids, " ")
}
