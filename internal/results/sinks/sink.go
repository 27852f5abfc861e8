package sinks

import (
	"context"
	"errors"
	"time"

	"ksefworker/internal/results"
)

// Message is one result on its way to a receiver.
type Message struct {
	results.Result
	JSON []byte    // the result document
	At   time.Time // when it became final
	// Took is how long the receiver took to answer; 0 means not known. [Sink.Deliver] sets it if
	// the sink hands results over one by one.
	Took time.Duration
}

// Sink is a receiver.
type Sink interface {
	// Deliver hands results over, no two of them of the same invoice. It returns one error for each
	// result. A nil error says that the receiver has durably taken the result. Any other error says
	// that the result was not taken now. [OutageError] and [GoneError] also say something about the
	// receiver. Deliver returns in bounded time, even when the receiver never answers.
	Deliver(ctx context.Context, messages []Message) []error
}

// Trimmer is a receiver that keeps results only for a limited time, whether they were read or not.
type Trimmer interface {
	// Trim drops the results that are too old. It is called every few minutes, even while there are
	// no results.
	Trim(ctx context.Context) error
}

// ErrNoAnswer says that a receiver did not answer in the time that a call may take.
var ErrNoAnswer = errors.New("no answer in time")

// OutageError says that the receiver most likely takes no other result now either.
type OutageError struct {
	After time.Duration // the pause that the receiver asked for; 0 when it named none
	// Unreached says that the result has nothing to do with the error, for example because there
	// was no connection. So the error concerns the results of all tenants. When Unreached is false,
	// the error may concern only the results of one tenant.
	Unreached bool
	Err       error
}

func (e *OutageError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *OutageError) Unwrap() error { return e.Err }

// GoneError says that the receiver wants no results any more.
type GoneError struct{ Err error }

func (e *GoneError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *GoneError) Unwrap() error { return e.Err }

// all returns the same error for each of n results.
func all(n int, err error) []error {
	out := make([]error, n)
	for i := range out {
		out[i] = err
	}
	return out
}
