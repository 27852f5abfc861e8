package tasks

import (
	"context"
	"errors"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/tracing"
)

// onChunk does for many invoices of one tenant what onQueued and submit do for one. All entries are
// read in one round trip, and the invoices that go to the same waiting set enter it together.
//
// Each invoice is handled on its own. An invoice that has moved on, or is missing in the ledger, is
// passed over. So a chunk that died half done is simply run again. The task of a single invoice,
// which may exist beside the chunk, finds nothing left to do. An entry that cannot be read gets a
// task of its own, which waits for a newer worker or a person, while the chunk's other invoices go
// on. When the write to a waiting set fails, only the invoices of that set fail.
func (l *laneChooser) onChunk(ctx context.Context, c queue.Chunk) error {
	tracing.Tenant(ctx, c.Tenant)
	return aboutTenant(c.Tenant, l.submitChunk(ctx, c.IDs))
}

func (l *laneChooser) submitChunk(ctx context.Context, ids []string) error {
	invs, err := l.Ledger.Invoices(ctx, ids)
	unread, err := l.skip(ctx, err)
	if err != nil {
		return err
	}
	var f faults
	sets, sends := map[string][]ledger.Move{}, []*ledger.Invoice(nil)
	for i := range invs {
		switch inv := &invs[i]; {
		case inv.State != ledger.Queued || inv.Group != "":
		case singly(inv):
			sends = append(sends, inv)
		default:
			m := l.Ledger.WaitMove(inv)
			sets[m.Group] = append(sets[m.Group], m)
		}
	}
	for _, moves := range sets {
		f.add(l.waitAll(ctx, moves))
	}
	if len(sends) > 0 {
		f.add(l.Queue.PutAllNew(ctx, queue.KindSend, sends))
	}
	for _, u := range unread {
		if f.add(l.Queue.Put(ctx, queue.KindSubmit, u.ID, 0, queue.When{})) {
			break
		}
	}
	return f.err()
}

// waitAll puts invoices into their waiting set. When another task has moved some of them first, the
// other invoices still enter the set, and waitAll returns one of the conflicts. The chunk then
// comes back and reads the moved ones again.
func (l *laneChooser) waitAll(ctx context.Context, moves []ledger.Move) error {
	errs, err := l.Ledger.Apply(ctx, moves)
	if err != nil {
		return err
	}
	l.entered.Store(true)
	for _, err := range errs {
		if _, conflict := errors.AsType[*ledger.ConflictError](err); conflict {
			return err
		}
	}
	return nil
}
