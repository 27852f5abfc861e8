package sinks

import (
	"context"
	"time"

	"ksefworker/internal/results"
)

// Message is one result on its way to a receiver.
type Message struct {
	results.Result
	JSON []byte    // the result document
	At   time.Time // when it became final
	// Took is how long the receiver took to answer, set by [Sink.Deliver] of sinks that hand
	// results over one by one; 0: not known.
	Took time.Duration
}

// Sink is a receiver.
type Sink interface {
	// Deliver hands results over, no two of them of the same invoice. It returns an error for each,
	// nil for those that the receiver has durably taken. [OutageError] and [GoneError] say more
	// than that this one was not taken now.
	Deliver(ctx context.Context, messages []Message) []error
}

// Trimmer is a receiver that keeps results for a time only, whoever has read them.
type Trimmer interface {
	// Trim drops the results that are too old. It is called every few minutes, also while there are
	// no results.
	Trim(ctx context.Context) error
}

// OutageError says that the receiver most likely takes no other result now either.
type OutageError struct {
	After time.Duration // it asked not to be called before; 0 when it said nothing
	Err   error
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
