package retry

import (
	"errors"
	"math"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/hibiken/asynq"
)

// Unlimited is the MaxRetry of every task: asynq's own limit must never end a task that waits.
const Unlimited = math.MaxInt32

// The pauses between failures: seconds at first, at most five minutes, spread by a fifth so that a pool does not come back at once.
const (
	firstPause = 2 * time.Second
	lastPause  = 5 * time.Minute
	spread     = 0.2
)

// Backoff returns the pause before attempt n+1, n counting from 0. Negative n counts as 0.
func Backoff(n int) time.Duration {
	b := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(firstPause),
		backoff.WithMultiplier(2),
		backoff.WithMaxInterval(lastPause),
		backoff.WithRandomizationFactor(spread),
		backoff.WithMaxElapsedTime(0), // the default gives up after fifteen minutes
	)
	d := b.NextBackOff()
	for range min(max(n, 0), 20) {
		d = b.NextBackOff()
	}
	return d
}

// Delay is asynq's RetryDelayFunc. asynq cuts the time of return to whole seconds, so a second is added: a task never comes back early.
func Delay(n int, err error, _ *asynq.Task) time.Duration {
	v := Judge(err)
	switch {
	case v.Reason == ReasonLocal && v.Delay == HandOver:
		return v.Delay // to be early does no harm
	case v.Action == Later && v.Delay > 0:
		return v.Delay + time.Second
	}
	return Backoff(n) + time.Second
}

// IsFailure is asynq's: waiting is none, so the dashboard's failure counts mean something. What waits
// with pauses that grow is one, because asynq counts nothing else.
func IsFailure(err error) bool {
	if later, ok := errors.AsType[*LaterError](err); ok {
		return later.Grows
	}
	return Judge(err).Action != Later
}

// Age returns the pause between two looks at something that was begun age ago: a quarter of the age, within [first, last]. A look that finds
// nothing is thus never more than a quarter late, and a session that takes a day is not asked thousands of times.
func Age(age, first, last time.Duration) time.Duration {
	return min(max(age/4, first), last)
}
