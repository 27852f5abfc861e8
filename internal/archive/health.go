package archive

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"syscall"
	"time"
)

// Health is the state of a store as this process sees it. The zero value is a store that works.
type Health struct {
	OutOfService bool          // calls fail at once, and one probe at a time finds out when the store works again
	Since        time.Time     // when it went out of service; zero while it works
	Wait         time.Duration // until the next probe, while it is out of service; 0 when one is due or running
	Why          error         // the last failure, while it is out of service
	Stuck        int           // calls that were left behind and have not returned yet
	// Failures is how many calls have failed through the store's fault since the process started.
	// Calls that were refused because it was out of service do not count.
	Failures uint64
}

// HealthOf returns the health of a store from [Open] or [Guard], or of a store around such a store
// that has a method Unwrap. It never waits. Any other store gets the zero value.
func HealthOf(s Store) Health {
	switch s := s.(type) {
	case interface{ health() Health }:
		return s.health()
	case interface{ Unwrap() Store }:
		return HealthOf(s.Unwrap())
	}
	return Health{}
}

// CallError says that a call failed because of the store, and not because of its arguments. The
// store did not answer in time, refused the call, or is out of service.
type CallError struct {
	// Sick says that the store as a whole is probably at fault, because it does not answer, cannot
	// be reached, or has no space. False means that the store answered and refused this call.
	Sick bool
	// Wait is how long to wait before the next try; 0 leaves it to the caller.
	Wait time.Duration
	Err  error
}

func (e *CallError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *CallError) Unwrap() error { return e.Err }

// errNoAnswer differs from context.DeadlineExceeded, which says only that the caller's own time is
// up.
var errNoAnswer = errors.New("the archive does not answer in time")

// errHangs concerns one name. The circuit counted the failure when the earlier call was left
// behind, so it does not count this error again.
var errHangs = errors.New("an earlier call for this name hangs in the archive and has not returned")

func outOfService(h Health) *CallError {
	return &CallError{Sick: true, Wait: h.Wait,
		Err: fmt.Errorf("the archive is out of service since %s: %w", h.Since.UTC().Format(time.RFC3339), h.Why)}
}

// contentErrors are answers about one object. A store that gives such an answer works.
var contentErrors = []error{errTooMany, ErrReadOnly, ErrNotFound, ErrConflict, ErrImmutable, ErrCorrupt}

func aboutContent(err error) bool {
	var name *NameError
	return errors.As(err, &name) || slices.ContainsFunc(contentErrors, func(e error) bool { return errors.Is(err, e) })
}

// sickNumbers are the errors of the system that mean that a disk or a share as a whole does not
// work. "Permission denied" and the like are left out. Such errors often concern the folder of one
// tenant, and in this list they would stop all other tenants too.
var sickNumbers = []syscall.Errno{
	syscall.EIO, syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.ESTALE, syscall.ENODEV, syscall.ENXIO, syscall.ENOTCONN,
	syscall.EHOSTDOWN, syscall.EHOSTUNREACH, syscall.ENETDOWN, syscall.ENETUNREACH, syscall.ETIMEDOUT, syscall.ECONNREFUSED,
	syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE, syscall.EMFILE, syscall.ENFILE,
}

// temporarilyUnavailable reports whether a folder could not be opened because its share or disk
// does not work at the moment. Open then still returns a store, and the first call that succeeds
// opens the folder. Work that needs no archive goes on.
func temporarilyUnavailable(err error) bool {
	var number syscall.Errno
	return errors.Is(err, errNoAnswer) || errors.As(err, &number) && slices.Contains(sickNumbers, number)
}

// sick reports whether a failure concerns the store as a whole.
func sick(err error) bool {
	var number syscall.Errno
	switch {
	case errors.Is(err, errNoAnswer), errors.Is(err, errReplaced), errors.Is(err, io.ErrUnexpectedEOF):
		return true
	case errors.Is(err, errUnproven), errors.Is(err, errHangs):
		return false
	case errors.As(err, &number):
		return slices.Contains(sickNumbers, number)
	case ofOneObject(err):
		return false
	}
	// Status 0 means that there was no answer, for example because there was no connection, no such
	// host or no credentials.
	s := status(err)
	return s == 0 || s >= http.StatusInternalServerError || s == http.StatusTooManyRequests || s == http.StatusRequestTimeout
}
