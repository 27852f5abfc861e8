package tasks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ksefworker/internal/archive"
	"ksefworker/internal/ledger"
	"ksefworker/internal/retry"
)

// Whatever touches the archive holds a worker for as long as a call may take, and an archive that
// hangs is still asked a few times before it is known. So each way to it has few places in a
// process: receipts their own, builds of packages theirs, large documents that are sent alone theirs,
// and what is looked up on other ways (the receipt of a duplicate's original, a result that is owed)
// a last lot. Everything else goes on whatever the archive does.

const (
	// lookupPlaces are for those other ways, of which a tenant has one. On some of them the gateway is
	// asked as well, and one that hangs for a tenant must not hold up what others look up.
	lookupPlaces, tenantLookups = 3, 1
	// alonePlaces are for large documents that are sent alone. Nothing but the archive is asked for
	// them.
	alonePlaces, tenantAlone = 3, 2
	// archiveAgain is the pause after a call that failed while the store as a whole is not known to
	// be out of service.
	archiveAgain = 5 * time.Second
	// archiveRefused is the pause after an answer that only a person can change: a right that is
	// missing, a bucket that is not there.
	archiveRefused = time.Minute
)

// archiveWell says when to come back while the archive is out of service for this process.
func (w *Worker) archiveWell() error {
	h := archive.HealthOf(w.Store)
	if !h.Out || h.Wait == 0 { // with none left, the one who comes first finds out
		return nil
	}
	return &retry.LaterError{Delay: h.Wait, Reason: retry.ReasonArchive,
		What: "the archive is out of service since " + h.Since.UTC().Format(time.RFC3339), Err: h.Why}
}

// forArchive turns a call of the archive that failed into waiting: it is no fault of the task, and
// the task's pauses must not have grown when the archive is back.
func forArchive(err error) error {
	var call *archive.CallError
	var waits *retry.LaterError
	if !errors.As(err, &call) || errors.As(err, &waits) {
		return err
	}
	pause := archiveRefused
	switch {
	case call.Wait > 0:
		pause = call.Wait
	case call.Sick:
		pause = archiveAgain
	}
	return &retry.LaterError{Delay: pause, Reason: retry.ReasonArchive, What: "the archive", Err: err}
}

// lookup does something with the archive off the way of receipts, when a place is free.
func (w *Worker) lookup(tenant string, do func() error) error { return w.within(w.lookups, tenant, do) }

// within does something with the archive in a place of a bulkhead.
func (w *Worker) within(places *bulkhead, tenant string, do func() error) error {
	if !places.begin(tenant) {
		return later(places.comeBack(w.o.Now()), retry.ReasonLimit, "this worker looks up as much in the archive as it may")
	}
	defer places.end(tenant)
	return do()
}

// documentAlone reads the document of an invoice that is sent by itself.
func (w *Worker) documentAlone(ctx context.Context, inv *ledger.Invoice) (doc []byte, err error) {
	if !inv.BodyArchived {
		return w.document(ctx, inv)
	}
	err = w.within(w.alone, inv.Tenant, func() error {
		doc, err = w.document(ctx, inv)
		return err
	})
	return doc, err
}

// maxCopies is how many copies of one thing may lie beside each other, the first included. More
// than two have never been needed.
const maxCopies = 4

// damaged reports that what stands in the archive under one name is at fault, and not the archive:
// it is something else than what belongs there, or it cannot be read or written while other things
// can.
func damaged(err error) bool {
	var call *archive.CallError
	return errors.Is(err, archive.ErrConflict) || errors.Is(err, archive.ErrCorrupt) || errors.As(err, &call) && !call.Sick
}

// keep puts something under its name. What is there already is never overwritten: when it is
// damaged, the sound one goes beside it. It returns the name that was taken and those that were
// found damaged. Where the copy is refused as well, it is not that one object.
func (w *Worker) keep(name string, put func(name string, bad []string) error) (taken string, bad []string, err error) {
	for n := 1; ; n++ {
		taken = archive.CopyName(name, n)
		again := put(taken, bad)
		if again == nil {
			return taken, bad, nil
		}
		var call *archive.CallError
		if n > 1 && errors.As(again, &call) {
			return "", nil, errors.Join(err, again)
		}
		if err = again; !damaged(err) || n == maxCopies {
			return "", nil, err
		}
		bad = append(bad, taken)
	}
}

// besideDamaged is what a person is told of something damaged.
func (w *Worker) besideDamaged(bad []string, taken string) string {
	return fmt.Sprintf("the archive holds something damaged or other as %s; "+
		"it was left as it is, and the sound copy is %s: compare the two, then put the copy in its place",
		w.Store.URL(bad[0]), w.Store.URL(taken))
}
