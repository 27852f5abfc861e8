package ratelimit

import (
	"fmt"
	"time"
)

// Reason says why a request may not go now. The list is closed, because it is also the label set of
// a metric.
type Reason string

const (
	ReasonLimit  Reason = "limit"  // the windows are full
	ReasonFrozen Reason = "frozen" // a 429, a refused key or 410 to everything froze the group, or Redis was restarted
	ReasonOutage Reason = "outage" // the circuit of the host, or of the tenant's group at it, is open
	ReasonStore  Reason = "store"  // KSeF's storage for the parts of batch packages is out of service
)

// Reasons lists every [Reason], for registering metrics at zero.
func Reasons() []Reason { return []Reason{ReasonLimit, ReasonFrozen, ReasonOutage, ReasonStore} }

// NotNow is the error for a request that has to come back later. Callers should not count it as a
// failed attempt. Nothing is booked for such a request.
type NotNow struct {
	// Wait is how long after the answer the request would fit if no other came. Never negative.
	Wait time.Duration
	// Early is how much sooner than Wait the caller may come back. The limiter then sleeps for the
	// rest. A Store leaves Early zero. A queue that brings tasks back on whole seconds and up to a
	// second late should aim at one second before the end of Wait.
	Early  time.Duration
	Reason Reason
	Cause  Cause  // of the freeze, for ReasonFrozen
	Key    Key    // for ReasonLimit, ReasonFrozen, and ReasonOutage of one [Pair]
	Host   string // set for ReasonOutage and ReasonStore
}

// Error says what holds the request back. It does not say for how long, because the text is kept
// and shown later, beside the time at which the request may go.
func (e *NotNow) Error() string {
	switch {
	case e.Reason == ReasonStore:
		return fmt.Sprintf("the part store %s is out of service", e.Host)
	case e.Reason == ReasonOutage && e.Key != (Key{}):
		return fmt.Sprintf("%s is out of service at host %s", e.Key, e.Host)
	case e.Reason == ReasonOutage:
		return fmt.Sprintf("host %s is out of service", e.Host)
	case e.Reason == ReasonFrozen && e.Key.Group == GroupCredentials:
		return fmt.Sprintf("KSeF refused the key of tenant %s, so its requests rest", e.Key.Tenant)
	case e.Reason == ReasonFrozen && e.Cause == CauseDenied:
		return fmt.Sprintf("%s rests, because KSeF refuses everything of the tenant (410): "+
			"check whether its key belongs to another taxpayer", e.Key)
	case e.Reason == ReasonFrozen && e.Cause == CauseThrottled:
		return fmt.Sprintf("%s rests, because KSeF answered too many requests (429)", e.Key)
	case e.Reason == ReasonFrozen && e.Cause == CauseRestart:
		return fmt.Sprintf("%s rests for a few seconds, because Redis was restarted: "+
			"a worker may know of a 429 that it could not write there", e.Key)
	case e.Reason == ReasonFrozen:
		return fmt.Sprintf("%s rests, because KSeF asked to wait", e.Key)
	default:
		return fmt.Sprintf("limit of %s is used up", e.Key)
	}
}
