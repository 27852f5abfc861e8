package tasks

import (
	"cmp"
	"context"
	"errors"

	"ksefworker/internal/archive"
)

// shed lets go of the documents of invoices that ended without KSeF a while ago: they hold personal
// data, and nothing but a retry needs them.
func (w *Worker) shed(ctx context.Context) error {
	if w.o.KeepRejected <= 0 || w.ClockOff() {
		return nil
	}
	gone, archived, err := w.Ledger.Shed(ctx, w.o.KeepRejected, sweepAtOnce)
	if err != nil {
		return err
	}
	if gone > 0 {
		w.o.Log.Info().Int("documents", gone).Msg("documents of invoices that were not sent are gone (storage.keep_rejected)")
	}
	if len(archived) == 0 {
		return nil
	}
	if err := w.archiveWell(); err != nil {
		return nil // they are found again
	}
	var sick error // of one document: it keeps no other
	for _, id := range archived {
		ended, err := w.Ledger.NoteShed(ctx, id, false)
		switch {
		case err != nil:
			return err
		case !ended:
			continue // retried since: it needs its document
		}
		if err := w.Store.Remove(ctx, archive.BodyName(id)); err != nil {
			_, lost := w.Ledger.NoteShed(context.WithoutCancel(ctx), id, true)
			sick = cmp.Or(sick, errors.Join(err, lost))
			if w.archiveWell() != nil {
				break
			}
		}
	}
	return sick
}
