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

// Health is how a store does, as this process sees it. The zero value is a store that answers.
type Health struct {
	Out   bool          // out of service: calls fail at once, and one probe at a time finds out when it is back
	Since time.Time     // when it went out of service; zero while it answers
	Wait  time.Duration // until the next probe, while it is out of service; 0 when one is due or under way
	Why   error         // the last failure, while it is out of service
	Stuck int           // calls that nobody waits for any more and that have not come back
}

// HealthOf tells how a store from [Open] does. It never waits. A store of another make is always
// well.
func HealthOf(s Store) Health {
	if h, ok := s.(interface{ health() Health }); ok {
		return h.health()
	}
	return Health{}
}

// CallError says that a call failed because of the store, not because of what was asked: it was not
// answered in time, it was refused, or it was not begun because the store is out of service.
type CallError struct {
	// Sick says that the store as a whole is the likely cause (no answer, no connection, no space);
	// without it, it answered and refused.
	Sick bool
	// Wait is how long to wait before the next try; 0 leaves it to the caller.
	Wait time.Duration
	Err  error
}

func (e *CallError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *CallError) Unwrap() error { return e.Err }

// errNoAnswer is deliberately not context.DeadlineExceeded: that is the caller's own time being up,
// and says nothing of the store.
var errNoAnswer = errors.New("the archive does not answer in time")

// errHangs is about one name, and was counted against the store when the call before was left
// behind.
var errHangs = errors.New("an earlier call of this name hangs in the archive and has not come back")

func outOfService(h Health) *CallError {
	return &CallError{Sick: true, Wait: h.Wait,
		Err: fmt.Errorf("the archive is out of service since %s: %w", h.Since.UTC().Format(time.RFC3339), h.Why)}
}

// contentErrors are answers about one object. The store that gives one is well.
var contentErrors = []error{ErrNotFound, ErrConflict, ErrImmutable, ErrCorrupt}

func aboutContent(err error) bool {
	var name *NameError
	return errors.As(err, &name) || slices.ContainsFunc(contentErrors, func(e error) bool { return errors.Is(err, e) })
}

// sickNumbers are the system's ways to say that a disk or a share as a whole does not work.
// "Permission denied" and the like are not among them: they are as often about one folder, and then
// one tenant's would stop every other's.
var sickNumbers = []syscall.Errno{
	syscall.EIO, syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.ESTALE, syscall.ENODEV, syscall.ENXIO, syscall.ENOTCONN,
	syscall.EHOSTDOWN, syscall.EHOSTUNREACH, syscall.ENETDOWN, syscall.ENETUNREACH, syscall.ETIMEDOUT, syscall.ECONNREFUSED,
	syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE, syscall.EMFILE, syscall.ENFILE,
}

// awayForNow reports that a folder could not be opened because the share or disk that it lies on does
// not work just now. That is no mistake in the configuration: the first call that can opens it, and
// what needs no archive goes on meanwhile.
func awayForNow(err error) bool {
	var number syscall.Errno
	return errors.Is(err, errNoAnswer) || errors.As(err, &number) && slices.Contains(sickNumbers, number)
}

// sick reports whether a failure speaks of the store as a whole.
func sick(err error) bool {
	var number syscall.Errno
	switch {
	case errors.Is(err, errNoAnswer), errors.Is(err, io.ErrUnexpectedEOF):
		return true
	case errors.Is(err, errUnproven), errors.Is(err, errHangs):
		return false
	case errors.As(err, &number):
		return slices.Contains(sickNumbers, number)
	}
	// Without a status it never came to an answer: no connection, no name, no credentials.
	s := status(err)
	return s == 0 || s >= http.StatusInternalServerError || s == http.StatusTooManyRequests || s == http.StatusRequestTimeout
}
