package tasks

import (
	"cmp"
	"context"
	"errors"
	"time"

	"ksefworker/internal/archive"
	"ksefworker/internal/ledger"
)

// removePause is how long nothing is removed from an archive that refuses removals. A bucket may
// forbid them for a time or for ever.
const removePause = time.Hour

// removeDocuments removes the documents that nothing needs any more. Some belong to invoices that
// were rejected, dismissed or superseded a while ago. These documents hold personal data, and only
// a retry needs them. Others belong to receipted invoices. They were left behind by a process that
// died after it had written the receipt.
//
// removeDocuments finds the documents by the entries of the ledger, in steps from a cursor. An
// object without an entry stays, because only a list of the whole bucket would show it.
func (sw *sweeper) removeDocuments(ctx context.Context) error {
	if sw.ClockOff() {
		return nil
	}
	shed, err := sw.Ledger.Shed(ctx, sw.documentsKept(), sw.o.SweepAfter, sweepAtOnce)
	if err != nil {
		return err
	}
	if shed.Gone > 0 {
		sw.o.Log.Info().Int("documents", shed.Gone).
			Msg("documents of rejected, dismissed or superseded invoices are gone (storage.keep_rejected)")
	}
	if len(shed.Archived)+len(shed.Receipted) == 0 || sw.archiving.archiveWell() != nil ||
		sw.o.Now().Before(time.UnixMilli(sw.removeFrom.Load())) {
		return nil // the next round finds them again
	}
	var sick error // the first fault of one document; the others are removed all the same
	refused := 0
	remove := func(id string) (gone, goOn bool) {
		err := sw.Store.Remove(ctx, archive.BodyName(id))
		sick = cmp.Or(sick, err)
		var call *archive.CallError
		if errors.As(err, &call) && !call.Sick {
			refused++
		}
		if refused >= 3 {
			sw.removeFrom.Store(sw.o.Now().Add(removePause).UnixMilli())
		}
		return err == nil, refused < 3 && sw.archiving.archiveWell() == nil
	}
	return cmp.Or(sw.removeReceipted(ctx, shed, remove), sw.removeEnded(ctx, shed, remove), sick)
}

func (sw *sweeper) removeReceipted(ctx context.Context, shed ledger.Shed, remove func(string) (bool, bool)) error {
	var removed []string
	for _, id := range shed.Receipted {
		gone, goOn := remove(id)
		if gone {
			removed = append(removed, id)
		}
		if !goOn {
			break
		}
	}
	return sw.Ledger.BodiesGone(ctx, removed)
}

func (sw *sweeper) removeEnded(ctx context.Context, shed ledger.Shed, remove func(string) (bool, bool)) error {
	for _, id := range shed.Archived {
		ended, err := sw.Ledger.NoteShed(ctx, id, false)
		switch {
		case err != nil:
			return err
		case !ended:
			continue // retried since, so it needs its document
		}
		gone, goOn := remove(id)
		if gone {
			err = sw.Ledger.BodiesGone(ctx, []string{id})
		} else {
			_, err = sw.Ledger.NoteShed(context.WithoutCancel(ctx), id, true)
		}
		if err != nil {
			return err
		}
		if !goOn {
			break
		}
	}
	return nil
}

// documentsKept returns how long the documents of rejected, dismissed and superseded invoices are
// kept. 0 means for ever. A document is removed a little before its entry is pruned, or earlier.
// Once the entry is pruned, nothing leads to a document in the archive.
func (sw *sweeper) documentsKept() time.Duration {
	entries := sw.o.Retention - sw.o.Retention/100
	switch {
	case sw.o.KeepRejected <= 0:
		return entries
	case entries <= 0:
		return sw.o.KeepRejected
	}
	return min(sw.o.KeepRejected, entries)
}
