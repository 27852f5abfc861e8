package tasks

import (
	"cmp"
	"context"
	"errors"
	"time"

	"ksefworker/internal/archive"
	"ksefworker/internal/ledger"
)

// shedPause is how long nothing is removed from an archive that refuses it: a bucket may forbid to
// delete, for a time or for ever.
const shedPause = time.Hour

// shed removes the documents that nothing needs any more: of invoices that ended without KSeF a while
// ago, because they hold personal data and nothing but a retry needs them, and of receipted ones, whose
// document a process left behind that died after it had written the receipt.
//
// It finds them by the entries, in steps from a cursor. An object whose entry does not exist is not
// found: only a list of the whole bucket would tell of it.
func (w *Worker) shed(ctx context.Context) error {
	if w.ClockOff() {
		return nil
	}
	shed, err := w.Ledger.Shed(ctx, w.documentsKept(), w.o.SweepAfter, sweepAtOnce)
	if err != nil {
		return err
	}
	if shed.Gone > 0 {
		w.o.Log.Info().Int("documents", shed.Gone).Msg("documents of invoices that were not sent are gone (storage.keep_rejected)")
	}
	if len(shed.Archived)+len(shed.Receipted) == 0 || w.archiveWell() != nil || w.o.Now().Before(time.UnixMilli(w.shedFrom.Load())) {
		return nil // they are found again
	}
	var sick error // of one document: it keeps no other
	refused := 0
	remove := func(id string) (gone, goOn bool) {
		err := w.Store.Remove(ctx, archive.BodyName(id))
		sick = cmp.Or(sick, err)
		var call *archive.CallError
		if errors.As(err, &call) && !call.Sick {
			refused++
		}
		if refused >= 3 {
			w.shedFrom.Store(w.o.Now().Add(shedPause).UnixMilli())
		}
		return err == nil, refused < 3 && w.archiveWell() == nil
	}
	return cmp.Or(w.shedReceipted(ctx, shed, remove), w.shedEnded(ctx, shed, remove), sick)
}

func (w *Worker) shedReceipted(ctx context.Context, shed ledger.Shed, remove func(string) (bool, bool)) error {
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
	return w.Ledger.BodiesGone(ctx, removed)
}

func (w *Worker) shedEnded(ctx context.Context, shed ledger.Shed, remove func(string) (bool, bool)) error {
	for _, id := range shed.Archived {
		ended, err := w.Ledger.NoteShed(ctx, id, false)
		switch {
		case err != nil:
			return err
		case !ended:
			continue // retried since: it needs its document
		}
		gone, goOn := remove(id)
		if gone {
			err = w.Ledger.BodiesGone(ctx, []string{id})
		} else {
			_, err = w.Ledger.NoteShed(context.WithoutCancel(ctx), id, true)
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

// documentsKept is for how long the documents of invoices that ended without KSeF are kept; 0 is for
// ever. With the entry its document goes, and a little before it: once the entry is forgotten, nothing
// leads to a document in the archive.
func (w *Worker) documentsKept() time.Duration {
	entries := w.o.Retention - w.o.Retention/100
	switch {
	case w.o.KeepRejected <= 0:
		return entries
	case entries <= 0:
		return w.o.KeepRejected
	}
	return min(w.o.KeepRejected, entries)
}
