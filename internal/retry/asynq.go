package retry

import (
	"errors"
	"math"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/hibiken/asynq"
)

// Unlimited is the MaxRetry of every task, so that asynq's own limit never ends a task that waits.
const Unlimited = math.MaxInt32

// The pauses between failures grow from seconds to five minutes. They vary at random by up to a
// fifth, so that the tasks of a pool come back at different times.
const (
	firstPause = 2 * time.Second
	maxPause   = 5 * time.Minute
	randomPart = 0.2
)

// maxFrozen is the longest time for which a 429 keeps a task away, whatever pause the 429 asked
// for. The limiter keeps the whole pause. A task that comes back earlier has to wait again, unless
// a person has ended the pause meanwhile.
const maxFrozen = time.Hour

// Backoff returns the pause after a failure. n is the number of failures before it. A negative n
// counts as 0.
func Backoff(n int) time.Duration {
	b := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(firstPause),
		backoff.WithMultiplier(2),
		backoff.WithMaxInterval(maxPause),
		backoff.WithRandomizationFactor(randomPart),
		backoff.WithMaxElapsedTime(0), // the default gives up after fifteen minutes
	)
	d := b.NextBackOff()
	for range min(max(n, 0), 20) {
		d = b.NextBackOff()
	}
	return d
}

// Delay is asynq's RetryDelayFunc: it returns the pause before a task runs again. asynq truncates
// the time of return to whole seconds, so Delay adds a second, and a task does not come back early.
// A task with [HandOver] may come back early, which does no harm.
func Delay(n int, err error, _ *asynq.Task) time.Duration {
	v := Judge(err)
	switch {
	case v.Reason == ReasonLocal && v.Delay == HandOver:
		return v.Delay // here it does no harm to be early
	case v.Reason == ReasonThrottled && v.Delay > maxFrozen:
		return maxFrozen + time.Second
	case v.Action == Later && v.Delay > 0:
		return v.Delay + time.Second
	}
	return Backoff(n) + time.Second
}

// IsFailure reports whether asynq counts an error as a failure of the task. Waiting does not count,
// so that the dashboard shows only true failures. Waiting with growing pauses is an exception. It
// is reported as a failure, because the pauses grow with asynq's count of failures.
func IsFailure(err error) bool {
	if later, ok := errors.AsType[*LaterError](err); ok {
		return later.Grows
	}
	return Judge(err).Action != Later
}

// PollPause returns the pause between two polls of something that began age ago. The pause is a
// quarter of the age, within [low, high]. So the end of that thing is noticed late by at most a
// quarter of its age, or by low if low is longer. A session that takes a day is not polled
// thousands of times.
func PollPause(age, low, high time.Duration) time.Duration {
	return min(max(age/4, low), high)
}
