package sinks

import (
	"errors"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// giveUpAfter is how long one outcome is tried, from its first attempt.
const giveUpAfter = 3 * 24 * time.Hour

const (
	firstPause = 5 * time.Second
	maxPause   = 15 * time.Minute
	randomPart = 0.2
	// maxAfter bounds what a receiver may ask for by Retry-After.
	maxAfter = 24 * time.Hour
	// maxAfterSome replaces maxAfter for all results of a tenant while some of them are taken.
	maxAfterSome = time.Minute
)

// pause returns the pause after the n-th failure, with n from 1. The pauses grow from seconds to a
// quarter of an hour and vary at random by up to a fifth.
func pause(n int) time.Duration {
	b := backoff.NewExponentialBackOff(backoff.WithInitialInterval(firstPause), backoff.WithMultiplier(2),
		backoff.WithMaxInterval(maxPause), backoff.WithRandomizationFactor(randomPart), backoff.WithMaxElapsedTime(0))
	d := b.NextBackOff()
	for range min(max(n-1, 0), 20) {
		d = b.NextBackOff()
	}
	return d
}

// verdict is what one round says about the receiver as a whole.
type verdict struct {
	out  bool // it took nothing, and at least one answer was an [OutageError]
	away bool // it was never reached
	gone bool
	err  error // one of the errors
}

// verdictOf sums up the errors of one round.
func verdictOf(errs []error) verdict {
	v := verdict{away: len(errs) > 0}
	taken := 0
	for _, err := range errs {
		v.away = v.away && unreached(err)
		if err == nil {
			taken++
			continue
		}
		v.err = err
		v.out = v.out || answersOutage(err)
		if _, ok := errors.AsType[*GoneError](err); ok {
			v.gone = true
		}
	}
	v.out = v.out && taken == 0
	return v
}

// unreached reports whether an error says that the receiver was not reached.
func unreached(err error) bool {
	out, ok := errors.AsType[*OutageError](err)
	return ok && out.Unreached
}

// refusedAlone reports whether an error concerns only the result that was tried.
func refusedAlone(err error) bool {
	_, out := errors.AsType[*OutageError](err)
	_, gone := errors.AsType[*GoneError](err)
	return err != nil && !out && !gone
}

// answersOutage reports whether an error is an answer that may concern other results too.
func answersOutage(err error) bool {
	out, ok := errors.AsType[*OutageError](err)
	return ok && !out.Unreached
}
