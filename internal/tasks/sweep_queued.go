package tasks

import (
	"context"
	"errors"
	"sync"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
)

// sweepQueued finds invoices that neither wait for a package nor have a task. While the queue is
// long, most invoices that wait for no package still have a task in it, and asking for each would
// cost more than it finds. In that case sweepQueued checks only invoices that have stood still for
// ten minutes longer than usual, or for twenty if the queues of both kinds of tasks are long.
func (sw *sweeper) sweepQueued(ctx context.Context, before time.Time, busy map[string]bool) error {
	for _, kind := range []queue.Kind{queue.KindSubmit, queue.KindSend} {
		depth, err := sw.Queue.Depth(kind)
		if err != nil {
			return err
		}
		if depth > sweepAtOnce {
			before = before.Add(-10 * time.Minute)
		}
	}
	mayWait := sw.inLine(before)
	var f faults
	single := 0
	for pass, checked := false, 0; !pass && checked < maxSweepChecks && single < sweepAtOnce; checked += withoutTaskAtOnce {
		ids, done, err := sw.Ledger.WithoutTask(ctx, before, withoutTaskAtOnce)
		if err != nil {
			return err
		}
		pass = done
		invs, err := sw.invoices(ctx, ids)
		if err != nil {
			return err
		}
		var lost []*ledger.Invoice
		for i := range invs {
			inv := &invs[i]
			if inv.State != ledger.Queued {
				continue // it moved meanwhile
			}
			if inv.Group == "" && !singly(inv) {
				waits, err := mayWait(inv)
				if err == nil && !waits {
					lost = append(lost, inv)
				}
				f.add(err)
				continue
			}
			single++
			if f.add(sw.sweepInvoice(ctx, inv, busy)) {
				return f.err()
			}
		}
		gaveUp := false
		sw.Queue.PutChunksAgain(ctx, lost, busy, func(err error) bool { gaveUp = f.add(err); return gaveUp })
		if gaveUp {
			break
		}
	}
	return f.err()
}

// inLine returns a function that reports whether the task of an invoice may still stand in line.
// Workers serve a queue in order. So the task may still stand there, unless the invoice changed
// long before the oldest pending task was queued. The queue cannot find a task by one of the
// hundred invoices that the task carries. Without this check, each round would queue the invoices
// of a long line once more. A task that failed, or whose worker is gone, is not pending. Such a
// task does not keep an invoice from being queued again.
func (sw *sweeper) inLine(before time.Time) func(*ledger.Invoice) (bool, error) {
	ages := map[bool]func() (time.Duration, error){}
	for _, overflow := range []bool{false, true} {
		ages[overflow] = sync.OnceValues(func() (time.Duration, error) { return sw.Queue.PendingSince(overflow) })
	}
	return func(inv *ledger.Invoice) (bool, error) {
		age, err := ages[inv.Overflow]()
		return inv.UpdatedAt.Time().After(before.Add(-age)), err
	}
}

// sweepInvoice handles an invoice that no chunk takes. Either the invoice says that it waits in a
// set, or it is sent by itself.
func (sw *sweeper) sweepInvoice(ctx context.Context, inv *ledger.Invoice, busy map[string]bool) error {
	if inv.Group != "" {
		// The invoice says that it waits, but it was in no waiting set, because it could not be
		// read when a package was cut. If it is in the set by now, the move changes nothing.
		err := sw.Ledger.Wait(ctx, inv)
		var conflict *ledger.ConflictError
		if errors.As(err, &conflict) {
			return nil
		}
		return err
	}
	return sw.Queue.Put(ctx, queue.KindSend, inv.ID, inv.Rev, queue.When{Overflow: inv.Overflow, Busy: busy})
}
