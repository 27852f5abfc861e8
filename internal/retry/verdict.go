package retry

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ratelimit"
)

// Action is what to do after a failure. A closed list, good as a metric label.
type Action string

// The actions.
const (
	Again     Action = "again"      // try again with growing pauses; counts as a failure
	Later     Action = "later"      // try again after Verdict.Delay; see IsFailure
	Never     Action = "never"      // the same request will be refused again: reject or park
	LookFirst Action = "look_first" // it may have been carried out: check before repeating it
)

// Reason says why, for metrics and for the text in the dashboard. A closed list.
type Reason string

// The reasons.
const (
	ReasonLimit       Reason = "limit"       // our own limiter
	ReasonThrottled   Reason = "throttled"   // KSeF said 429
	ReasonDenied      Reason = "denied"      // KSeF refuses everything of the tenant (410)
	ReasonOutage      Reason = "outage"      // the gateway, KSeF or a proxy in front of it is down
	ReasonPartStore   Reason = "part_store"  // the store for the parts of packages is down
	ReasonLocal       Reason = "local"       // this process's fault; another worker may do the task
	ReasonCredentials Reason = "credentials" // key refused; the tenant is paused
	ReasonProcessing  Reason = "processing"  // KSeF is processing it
	ReasonRefused     Reason = "refused"     // the request was refused
	ReasonLost        Reason = "lost"        // no answer says whether the request was carried out
	ReasonUnreadable  Reason = "unreadable"  // the answer has an unknown form
	ReasonStorage     Reason = "storage"     // this process lacks the key of a stored document
	ReasonReplicas    Reason = "replicas"    // too few replicas have a write that must not be lost
	ReasonArchive     Reason = "archive"     // the archive does not answer, or refuses
	ReasonPaused      Reason = "paused"      // a person has paused the tenant
	ReasonStopping    Reason = "stopping"    // this process is about to end
	ReasonOther       Reason = "other"       // Redis, disk, a defect
)

// Reasons lists every reason, so that counters can be registered at zero.
func Reasons() []Reason {
	return []Reason{
		ReasonLimit, ReasonThrottled, ReasonDenied, ReasonOutage, ReasonPartStore, ReasonLocal,
		ReasonCredentials, ReasonProcessing, ReasonRefused, ReasonLost, ReasonUnreadable, ReasonStorage,
		ReasonReplicas, ReasonArchive, ReasonPaused, ReasonStopping, ReasonOther,
	}
}

// Verdict is the judgement of one failure. The zero value is "no failure".
type Verdict struct {
	Action Action
	Delay  time.Duration // with Later; 0 leaves it to the backoff
	Reason Reason
}

// CredentialsPause is how long a tenant is paused after its key was refused. The key file is read
// again after the pause, so a corrected key is found within this time and without a restart. Until
// then a wrong key costs one request in each pause.
const CredentialsPause = 30 * time.Second

// localPause is the pause after an unexpected fault of this process. Any worker may take the task
// next. If all workers have the fault, one try in each pause is enough to find that it is gone.
const localPause = 30 * time.Second

// exhaustedPause is the pause when this process lacks file descriptors, ports or memory. It is
// short because another worker may take the task next. It is longer than [HandOver], because every
// task fails at once in a process that can open no connection to Redis. With HandOver, such a
// process would take all tasks again and again.
const exhaustedPause = 2 * time.Second

// HandOver is the delay of a task that this process cannot do but another one can. The queue brings
// the task back when it next looks for delayed tasks. While no worker can do the task, it runs
// several times a second.
const HandOver = time.Millisecond

// Judge decides by facts alone, never by texts. The order of the checks matters. A [LaterError]
// comes first, because a handler has decided on it. A [ratelimit.NotNow] comes before the errors of
// the API, because it means that no request was sent.
func Judge(err error) Verdict {
	var later *LaterError
	var notNow *ratelimit.NotNow
	var api *ksef.APIError
	switch {
	case err == nil:
		return Verdict{}
	case errors.As(err, &later):
		return Verdict{Later, later.Delay, later.Reason}
	case errors.As(err, &notNow):
		// The task comes back before the wait is over, and sleeps the rest. The delay is never 0,
		// because 0 leaves it to the backoff.
		return Verdict{Later, max(notNow.Wait-notNow.Early, time.Millisecond), reasonOf(notNow)}
	case errors.As(err, &api):
		return judgeAPI(api)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return Verdict{Later, time.Second, ReasonStopping}
	case ksef.Exhausted(err):
		return Verdict{Later, exhaustedPause, ReasonLocal}
	}
	return Verdict{Again, 0, ReasonOther}
}

func reasonOf(n *ratelimit.NotNow) Reason {
	switch n.Reason {
	case ratelimit.ReasonFrozen:
		switch {
		case n.Key.Group == CredentialsGroup:
			return ReasonCredentials
		case n.Cause == ratelimit.CauseDenied:
			return ReasonDenied
		case n.Cause == ratelimit.CauseRestart:
			return ReasonLimit
		}
		return ReasonThrottled
	case ratelimit.ReasonOutage:
		return ReasonOutage
	case ratelimit.ReasonStore:
		return ReasonPartStore
	}
	return ReasonLimit
}

// CredentialsGroup is the limiter's group that is frozen when a tenant's key was refused.
const CredentialsGroup = ratelimit.GroupCredentials

func judgeAPI(e *ksef.APIError) Verdict {
	if !e.MaybeDone && (e.Exhausted || e.Kind == ksef.KindLocal && ksef.Exhausted(e.Err)) {
		return Verdict{Later, exhaustedPause, ReasonLocal}
	}
	switch e.Kind {
	case ksef.KindThrottled:
		return Verdict{Later, e.RetryAfter, ReasonThrottled}
	case ksef.KindUnauthorized:
		return Verdict{Later, CredentialsPause, ReasonCredentials}
	case ksef.KindProcessing:
		return Verdict{Later, 0, ReasonProcessing}
	case ksef.KindRefused:
		return Verdict{Never, 0, ReasonRefused}
	case ksef.KindCanceled:
		if e.MaybeDone {
			return Verdict{LookFirst, 0, ReasonStopping}
		}
		return Verdict{Later, time.Second, ReasonStopping}
	case ksef.KindLocal:
		if !e.MaybeDone {
			return Verdict{Later, localPause, ReasonLocal}
		}
	}
	if e.MaybeDone {
		if e.Kind == ksef.KindUnreadable {
			return Verdict{LookFirst, 0, ReasonUnreadable}
		}
		return Verdict{LookFirst, 0, ReasonLost}
	}
	return Verdict{Later, 0, ReasonOutage}
}

// LaterError asks asynq to bring the task back after Delay. It counts as a failure only with Grows.
// The dashboard shows its text, so the text MUST NOT contain a secret. The text leaves out the
// length of the wait, because a person reads it later, beside the time of the next try.
type LaterError struct {
	Delay  time.Duration
	Reason Reason
	What   string // what the task waits for: "session is 150, processing"
	Said   string // what KSeF says about that; the queue does not keep it (see [ForQueue])
	Grows  bool   // needs a zero Delay; the pause grows as after failures
	Exact  bool   // the caller of the handler should wake the task after Delay, because asynq is a second late
	Err    error  // the cause, may be nil
}

func (e *LaterError) Error() string {
	s := fmt.Sprintf("waiting (%s)", e.Reason)
	if e.What != "" {
		s += ": " + e.What
	}
	s += e.said()
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *LaterError) said() string {
	if e.Said == "" {
		return ""
	}
	return ", " + e.Said
}

// Unwrap returns the cause.
func (e *LaterError) Unwrap() error { return e.Err }
