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

// A task that uses the archive occupies one of the worker's places for tasks for as long as the
// call may take. An archive that hangs is asked a few times before the process knows that it hangs.
// So each use of the archive has only a few places in a process. Receipts, builds of packages and
// large documents that are sent alone have places of their own. All other lookups (the receipt of a
// duplicate's original, a result that is pending) share the lookupPlaces. So the archive cannot
// hold up the tasks that do not use it.

const (
	// lookupPlaces are for the other lookups; tenantLookups of them may be of one tenant. Some of
	// these lookups ask the gateway as well. A gateway that hangs for one tenant must not hold up
	// the lookups of others.
	lookupPlaces, tenantLookups = 3, 1
	// alonePlaces are for large documents that are sent alone. They need only the archive.
	alonePlaces, tenantAlone = 3, 2
	// archiveAgain is the pause after a failed call when the archive as a whole counts as in
	// service.
	archiveAgain = 5 * time.Second
	// archiveRefused is the pause after an answer that only a person can change, such as a missing
	// permission or a missing bucket.
	archiveRefused = time.Minute
)

// archiveUse gives each use of the archive its place.
type archiveUse struct {
	*core
	lookups *bulkhead // uses of the archive that are not on the path of packages
}

// archiveWell returns nil when the archive may be asked, otherwise an error that says when the task
// should come back.
func (u *archiveUse) archiveWell() error {
	h := archive.HealthOf(u.Store)
	if !h.OutOfService || h.Wait == 0 { // the first task that asks after the pause finds out whether the archive is back
		return nil
	}
	return &retry.LaterError{Delay: h.Wait, Reason: retry.ReasonArchive,
		What: "the archive is out of service since " + h.Since.UTC().Format(time.RFC3339), Err: h.Why}
}

// forArchive turns the error of a failed call to the archive into a pause. If it stayed an error,
// it would count as a failure of the task, and the task's pauses would grow. But the pauses must
// still be short when the archive is back.
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

// lookup calls the function do, which looks something up in the archive, in one of the
// lookupPlaces.
func (u *archiveUse) lookup(tenant string, do func() error) error {
	return u.within(u.lookups, tenant, do)
}

// within calls the function do, which uses the archive, in a place of a bulkhead. When no place is
// free, within returns an error that says when to come back.
func (u *archiveUse) within(places *bulkhead, tenant string, do func() error) error {
	if !places.begin(tenant) {
		return later(places.comeBack(u.o.Now()), retry.ReasonLimit,
			"this worker already makes as many calls of this kind to the archive as it may at once")
	}
	defer places.end(tenant)
	return do()
}

// documentAlone reads the document of an invoice that is sent by itself.
func (d *documents) documentAlone(ctx context.Context, inv *ledger.Invoice) (doc []byte, err error) {
	if !inv.BodyArchived {
		return d.document(ctx, inv)
	}
	err = d.archiving.within(d.alone, inv.Tenant, func() error {
		doc, err = d.document(ctx, inv)
		return err
	})
	return doc, err
}

// maxCopies is how many copies of one object may lie beside each other, including the object
// itself. More than two have never been needed.
const maxCopies = 4

// damaged reports whether one object of the archive is at fault, and not the archive as a whole. In
// that case the object holds something other than what belongs under its name, or it alone cannot
// be read or written.
func damaged(err error) bool {
	var call *archive.CallError
	return errors.Is(err, archive.ErrConflict) || errors.Is(err, archive.ErrCorrupt) || errors.As(err, &call) && !call.Sick
}

// keep calls put, which stores an object under its name. When a damaged object has this name
// already, the damaged object stays, and the sound object is stored beside it as a copy. keep
// returns the name that was used, and the names of the damaged objects. When the archive fails for
// the copy too, the archive is at fault and not one object, and keep returns both errors.
func (u *archiveUse) keep(name string, put func(name string, bad []string) error) (taken string, bad []string, err error) {
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

// besideDamaged tells a person that an object is damaged and where its sound copy is.
func (u *archiveUse) besideDamaged(bad []string, taken string) string {
	return fmt.Sprintf("the archive has a damaged or different object at %s; "+
		"it was left there, and a sound copy is at %s: compare the two, then put the copy in the place of the object",
		u.Store.URL(bad[0]), u.Store.URL(taken))
}
