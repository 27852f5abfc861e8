package tasks

import (
	"errors"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/internal/pack"
	"ksefworker/internal/retry"
)

const (
	// spoolRest is how long a process builds nothing after it failed to write its spool. The first
	// build after that time finds out whether the spool can be written again.
	spoolRest = 30 * time.Second
	// spoolPause is the pause of a package that is left to another worker meanwhile.
	spoolPause = time.Second
	// spoolFresh is how long a process is not ready after a build last failed to write the spool.
	spoolFresh = 2 * time.Minute
)

// spoolFault remembers that this process cannot write its spool, for example because the disk is
// full. A worker whose builds fail at once is soon free again, so it would take more packages than
// the workers that can build them. Each failure would also make the pause of its package longer.
// So, for spoolRest after a failure, this process leaves packages to other workers without a try.
// Safe for concurrent use.
type spoolFault struct {
	mu   sync.Mutex
	last time.Time
	why  string // "" when the last build wrote what it had to
}

// away returns the error that leaves a package to another worker; nil when this process may try.
func (s *spoolFault) away(now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.why == "" || now.Sub(s.last) >= spoolRest {
		return nil
	}
	return later(spoolPause, retry.ReasonLocal, "left to another worker: this one cannot write packages.spool_dir")
}

// judge notes how a build ended, and returns its error. An error of the spool leaves the package to
// another worker and does not count as a failure of the package.
func (s *spoolFault) judge(now time.Time, err error, log *zerolog.Logger) error {
	fault, is := errors.AsType[*pack.SpoolError](err)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err == nil:
		s.why = ""
	case is:
		s.last, s.why = now, fault.Error()
		log.Error().Err(err).Msg("a package cannot be built here: packages are left to other workers; " +
			"make room at packages.spool_dir, no restart is needed")
		return &retry.LaterError{Delay: spoolPause, Reason: retry.ReasonLocal,
			What: "left to another worker: this one cannot write packages.spool_dir", Err: err}
	}
	return err
}

// SpoolFault says why this process lately could not write its spool. It returns "" when a later
// build succeeded, or when the failure is longer ago than spoolFresh.
func (w *Worker) SpoolFault() string {
	w.batch.spool.mu.Lock()
	defer w.batch.spool.mu.Unlock()
	if w.o.Now().Sub(w.batch.spool.last) > spoolFresh {
		return ""
	}
	return w.batch.spool.why
}
