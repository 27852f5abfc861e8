package ksef

import (
	"context"
	"time"
)

// Gate is the caller's limiter and circuits, which a client asks before each request. It must be
// safe for concurrent use.
type Gate interface {
	// Enter returns when a request of the group may leave. An error stops the request. The caller
	// gets this error wrapped in an *APIError of KindGated, where errors.Is and errors.As find it.
	// Requests to pre-signed addresses, such as uploads of parts, enter with GroupNone.
	Enter(ctx context.Context, group Group) error
	// Leave is called with the outcome after the answer was read, exactly once for each Enter that
	// returned nil. Its context has the values of the caller's context but is never cancelled. So a
	// 429 reaches the shared limiter even when the caller has given up.
	Leave(ctx context.Context, group Group, outcome Outcome)
}

// Outcome is what a gate learns about a request. An Outcome with Status 200 and nothing else is a
// plain success.
type Outcome struct {
	// Status is the HTTP status, 0 when no answer began.
	Status int
	// RetryAfter is how long the other side asks to wait, uncapped. 0 means that it did not say.
	RetryAfter time.Duration
	// Throttled says that the status was 429.
	Throttled bool
	// Outage says that there was a network error, a time-out, a 5xx, or an answer that is not the
	// other side's own (HTML where JSON was due, a garbled body). It is false for a request that
	// the caller cancelled, or that never began because of a fault on this side.
	Outage bool
	// Unreachable says that no connection was made, for example because there was no route,
	// listener, name or handshake. The other side learnt nothing of the request. The fault may be
	// this machine's.
	Unreachable bool
	// Exhausted says that the other side was unreachable because this machine had run out of file
	// descriptors, ports or memory.
	Exhausted bool
	// Err is what the caller gets; nil on success.
	Err error
}

// OutcomeOf returns the outcome of a request with this HTTP status and this error. A status of 0
// means that no answer began, and a nil error means success.
func OutcomeOf(status int, e *APIError) Outcome {
	o := Outcome{Status: status}
	if e != nil {
		o.RetryAfter = e.RetryAfter
		o.Throttled = e.Kind == KindThrottled
		o.Outage = e.Kind == KindOutage || e.Kind == KindNetwork
		o.Unreachable, o.Exhausted = e.Unreachable(), e.Exhausted
		o.Err = e
	}
	return o
}
