package retry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ratelimit"
)

// judged is one row of the table. It has a description in English, the error, and the verdict on
// it.
type judged struct {
	what string
	err  error
	want Verdict
}

func table() []judged {
	api := func(kind ksef.ErrorKind, status int, maybe bool) *ksef.APIError {
		return &ksef.APIError{Op: "close session", Kind: kind, Status: status, MaybeDone: maybe}
	}
	throttled := func(after time.Duration, maybe bool) *ksef.APIError {
		e := api(ksef.KindThrottled, 429, maybe)
		e.RetryAfter = after
		return e
	}
	notNow := func(r ratelimit.Reason, group string, wait time.Duration) error {
		return &ratelimit.NotNow{Wait: wait, Reason: r, Key: ratelimit.Key{Tenant: "5265877635", Group: group}}
	}
	gated := func(cause error) error {
		return &ksef.APIError{Op: "send invoice", Kind: ksef.KindGated, Err: cause}
	}
	return []judged{
		{"nothing failed", nil, Verdict{}},

		{"400: the gateway refuses the request in its own words",
			api(ksef.KindRefused, 400, false), Verdict{Never, 0, ReasonRefused}},
		{"404: the gateway does not know it", api(ksef.KindRefused, 404, false), Verdict{Never, 0, ReasonRefused}},
		{"409: the gateway refuses a second close",
			api(ksef.KindRefused, 409, false), Verdict{Never, 0, ReasonRefused}},
		{"200 with an error in it is a refusal too",
			api(ksef.KindRefused, 200, false), Verdict{Never, 0, ReasonRefused}},
		{"200 with result false is a refusal, even if it may have been carried out",
			api(ksef.KindRefused, 200, true), Verdict{Never, 0, ReasonRefused}},

		{"401: the key is wrong; the tenant is paused",
			api(ksef.KindUnauthorized, 401, false), Verdict{Later, CredentialsPause, ReasonCredentials}},
		{"403: the key has no permission; the tenant is paused",
			api(ksef.KindUnauthorized, 403, false), Verdict{Later, CredentialsPause, ReasonCredentials}},

		{"408: the gateway gave up waiting, perhaps after it was carried out",
			api(ksef.KindOutage, 408, true), Verdict{LookFirst, 0, ReasonLost}},

		{"429 with a wait is obeyed to the second",
			throttled(2680*time.Second, false), Verdict{Later, 2680 * time.Second, ReasonThrottled}},
		{"429 with a wait of a day is not shortened",
			throttled(24*time.Hour, false), Verdict{Later, 24 * time.Hour, ReasonThrottled}},
		{"429 without a wait leaves it to the backoff", throttled(0, false), Verdict{Later, 0, ReasonThrottled}},
		{"429 means that nothing was done, even if the error says that it may have been",
			throttled(time.Minute, true), Verdict{Later, time.Minute, ReasonThrottled}},

		{"500 to a call that changes something: look first",
			api(ksef.KindOutage, 500, true), Verdict{LookFirst, 0, ReasonLost}},
		{"502 HTML to a call that changes something: look first",
			api(ksef.KindOutage, 502, true), Verdict{LookFirst, 0, ReasonLost}},
		{"503 HTML to a call that changes something: look first",
			api(ksef.KindOutage, 503, true), Verdict{LookFirst, 0, ReasonLost}},
		{"200 HTML where JSON was due: look first",
			api(ksef.KindOutage, 200, true), Verdict{LookFirst, 0, ReasonLost}},
		{"the answer is JSON of another form: look first, and say so",
			api(ksef.KindUnreadable, 200, true), Verdict{LookFirst, 0, ReasonUnreadable}},
		{"500 with proof that nothing was done: an outage",
			api(ksef.KindOutage, 500, false), Verdict{Later, 0, ReasonOutage}},
		{"502 with proof that nothing was done: an outage",
			api(ksef.KindOutage, 502, false), Verdict{Later, 0, ReasonOutage}},
		{"503 with proof that nothing was done: an outage",
			api(ksef.KindOutage, 503, false), Verdict{Later, 0, ReasonOutage}},

		{"no connection: nothing was sent, it is an outage",
			api(ksef.KindNetwork, 0, false), Verdict{Later, 0, ReasonOutage}},
		{"the connection broke after the request was sent: look first",
			api(ksef.KindNetwork, 0, true), Verdict{LookFirst, 0, ReasonLost}},
		{"the answer was too large to read: it may have been carried out",
			api(ksef.KindTooLarge, 200, true), Verdict{LookFirst, 0, ReasonLost}},
		{"the answer to a request that changes nothing was too large",
			api(ksef.KindTooLarge, 200, false), Verdict{Later, 0, ReasonOutage}},

		{"not ready yet", api(ksef.KindProcessing, 200, false), Verdict{Later, 0, ReasonProcessing}},
		{"not ready yet is asked again and not looked up first, even if it may have been carried out",
			api(ksef.KindProcessing, 200, true), Verdict{Later, 0, ReasonProcessing}},

		{"this process stops before the request was sent",
			api(ksef.KindCanceled, 0, false), Verdict{Later, time.Second, ReasonStopping}},
		{"this process stops while the answer was under way: look first",
			api(ksef.KindCanceled, 0, true), Verdict{LookFirst, 0, ReasonStopping}},

		{"a fault of this process: it says nothing about the key, and another worker may do it",
			api(ksef.KindLocal, 0, false), Verdict{Later, localPause, ReasonLocal}},
		{"the part store is down",
			&ratelimit.NotNow{Wait: time.Minute, Reason: ratelimit.ReasonStore, Host: "blob"},
			Verdict{Later, time.Minute, ReasonPartStore}},
		{"this process failed while it read the answer: look first",
			api(ksef.KindLocal, 200, true), Verdict{LookFirst, 0, ReasonLost}},

		{"our own limiter says not now",
			gated(notNow(ratelimit.ReasonLimit, "invoiceSend", 7*time.Minute)), Verdict{Later, 7 * time.Minute, ReasonLimit}},
		{"another worker got 429 and froze the group for all",
			gated(notNow(ratelimit.ReasonFrozen, "invoiceSend", time.Hour)), Verdict{Later, time.Hour, ReasonThrottled}},
		{"KSeF refuses everything of the tenant, so its groups are frozen for all",
			gated(&ratelimit.NotNow{Wait: time.Hour, Reason: ratelimit.ReasonFrozen, Cause: ratelimit.CauseDenied,
				Key: ratelimit.Key{Tenant: "5265877635", Group: "invoiceSend"}}), Verdict{Later, time.Hour, ReasonDenied}},
		{"the tenant is paused because its key was refused",
			gated(notNow(ratelimit.ReasonFrozen, CredentialsGroup, 9*time.Second)), Verdict{Later, 9 * time.Second, ReasonCredentials}},
		{"the circuit of the host is open",
			gated(notNow(ratelimit.ReasonOutage, "", time.Minute)), Verdict{Later, time.Minute, ReasonOutage}},
		{"our own limiter says not now outside a client: the verdict is the same",
			notNow(ratelimit.ReasonLimit, "batchSession", time.Minute), Verdict{Later, time.Minute, ReasonLimit}},
		{"a limit of the credentials group without a freeze is a limit",
			notNow(ratelimit.ReasonLimit, CredentialsGroup, time.Minute), Verdict{Later, time.Minute, ReasonLimit}},
		{"the limiter's Redis does not answer: nothing was sent",
			gated(io.ErrUnexpectedEOF), Verdict{Later, 0, ReasonOutage}},

		{"a handler asks for the task to come back",
			&LaterError{Delay: time.Hour, Reason: ReasonProcessing}, Verdict{Later, time.Hour, ReasonProcessing}},
		{"a handler's verdict overrides that of its cause",
			&LaterError{Delay: time.Minute, Reason: ReasonOther, Err: api(ksef.KindRefused, 400, false)},
			Verdict{Later, time.Minute, ReasonOther}},
		{"a person has paused the tenant",
			&LaterError{Delay: time.Minute, Reason: ReasonPaused}, Verdict{Later, time.Minute, ReasonPaused}},
		{"the archive does not answer",
			&LaterError{Delay: 5 * time.Second, Reason: ReasonArchive, Err: io.ErrUnexpectedEOF},
			Verdict{Later, 5 * time.Second, ReasonArchive}},
		{"a handler leaves the wait to the backoff", &LaterError{Reason: ReasonLost}, Verdict{Later, 0, ReasonLost}},

		{"this process lacks the key of a stored document",
			&LaterError{Delay: 2 * time.Second, Reason: ReasonStorage, Err: errors.New("open")},
			Verdict{Later, 2 * time.Second, ReasonStorage}},
		{"no replica has a write that must not be lost",
			&LaterError{Delay: 2 * time.Second, Reason: ReasonReplicas}, Verdict{Later, 2 * time.Second, ReasonReplicas}},
		{"the run of the task was cut off by shutdown", context.Canceled, Verdict{Later, time.Second, ReasonStopping}},
		{"the run of the task used up its time",
			context.DeadlineExceeded, Verdict{Later, time.Second, ReasonStopping}},
		{"a time-out inside the client counts as an outage",
			&ksef.APIError{Kind: ksef.KindNetwork, Err: context.DeadlineExceeded}, Verdict{Later, 0, ReasonOutage}},

		{"a file may not be opened", os.ErrPermission, Verdict{Again, 0, ReasonOther}},
		{"the connection to Redis broke", io.EOF, Verdict{Again, 0, ReasonOther}},
		{"asynq lost the lease", asynq.ErrLeaseExpired, Verdict{Again, 0, ReasonOther}},
		{"a defect", errors.New("no such thing"), Verdict{Again, 0, ReasonOther}},
	}
}

func TestJudge_EachFactHasOneVerdict_HoweverDeepItIsWrapped(t *testing.T) {
	for _, c := range table() {
		t.Run(c.what, func(t *testing.T) {
			if got := Judge(c.err); got != c.want {
				t.Errorf("the verdict is %+v, want %+v", got, c.want)
			}
			if c.err == nil {
				return
			}
			for _, wrapped := range []error{
				fmt.Errorf("confirm pkg-1: %w", c.err),
				fmt.Errorf("one: %w", fmt.Errorf("two: %w", c.err)),
				errors.Join(errors.New("beside it"), c.err),
			} {
				if got := Judge(wrapped); got != c.want {
					t.Errorf("wrapped as %q, the error has the verdict %+v, want %+v", wrapped, got, c.want)
				}
			}
		})
	}
}

func TestJudge_TheTableHasEveryKindReasonAndStatus(t *testing.T) {
	var kinds []ksef.ErrorKind
	var reasons []Reason
	var limits []ratelimit.Reason
	statuses := map[int]bool{}
	for _, c := range table() {
		var api *ksef.APIError
		if errors.As(c.err, &api) {
			kinds = append(kinds, api.Kind)
			statuses[api.Status] = true
		}
		var notNow *ratelimit.NotNow
		if errors.As(c.err, &notNow) {
			limits = append(limits, notNow.Reason)
		}
		reasons = append(reasons, c.want.Reason)
	}
	for _, k := range ksef.ErrorKinds() {
		if !slices.Contains(kinds, k) {
			t.Errorf("no row for kind %s", k)
		}
	}
	for _, r := range Reasons() {
		if !slices.Contains(reasons, r) {
			t.Errorf("no row for reason %s", r)
		}
	}
	for _, r := range ratelimit.Reasons() {
		if !slices.Contains(limits, r) {
			t.Errorf("no row for the limiter's reason %s", r)
		}
	}
	for _, s := range []int{0, 200, 400, 401, 403, 404, 408, 409, 429, 500, 502, 503} {
		if !statuses[s] {
			t.Errorf("no row for HTTP %d", s)
		}
	}
}

func TestJudge_WhatMayHaveBeenDone_IsNeverJustRepeated(t *testing.T) {
	for _, kind := range ksef.ErrorKinds() {
		v := Judge(&ksef.APIError{Kind: kind, MaybeDone: true})
		if v.Action == Again {
			t.Errorf("an error of kind %s may have been carried out, and the verdict is to repeat the request: %+v", kind, v)
		}
		// Later is right only where the answer says that nothing was done.
		switch kind {
		case ksef.KindThrottled, ksef.KindUnauthorized, ksef.KindProcessing, ksef.KindRefused:
			continue
		}
		if v.Action != LookFirst {
			t.Errorf("a request that failed as %s may have been carried out, and its verdict is %+v, want look first", kind, v)
		}
	}
}

func TestReasons_AreDistinctAndNeverEmpty(t *testing.T) {
	all := Reasons()
	for i, r := range all {
		if r == "" || slices.Contains(all[:i], r) {
			t.Errorf("the reason %q is empty or listed twice", r)
		}
	}
}

func TestLaterError_TellsWaitReasonAndCause(t *testing.T) {
	cause := errors.New("HTTP 503")
	for want, err := range map[string]*LaterError{
		"waiting (processing)":                       {Delay: 90*time.Second + 300*time.Millisecond, Reason: ReasonProcessing},
		"waiting (lost): session is 150, processing": {Reason: ReasonLost, What: "session is 150, processing"},
		"waiting (outage): UPO is not there yet: HTTP 503": {
			Delay: 2 * time.Second, Reason: ReasonOutage, What: "UPO is not there yet", Err: cause,
		},
		"waiting (other): HTTP 503": {Delay: time.Second, Reason: ReasonOther, Err: cause},
	} {
		if err.Error() != want {
			t.Errorf("got  %s\nwant %s", err, want)
		}
	}
	if found, none := errors.Is(&LaterError{Err: cause}, cause), errors.Unwrap(&LaterError{}); !found || none != nil {
		t.Errorf("a LaterError has its cause: %v, want true; one without a cause has the cause %v, want nil", found, none)
	}
	if strings.Contains((&LaterError{Reason: ReasonOther}).Error(), "nil") {
		t.Error("the text of a LaterError without a cause has the word nil")
	}
}

// A process that has run out of file descriptors leaves its tasks to other processes, soon and
// without counting a failure, wherever the error occurs. A request that may have been carried out
// is looked up.
func TestJudge_ProcessIsExhausted_TheTaskReturnsSoonForAnother(t *testing.T) {
	lack := &os.PathError{Op: "open", Path: "/run/secrets/key", Err: syscall.EMFILE}
	dial := &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("socket", syscall.EMFILE)}
	for name, err := range map[string]error{
		"Redis":    fmt.Errorf("read holds: %w", dial),
		"key file": &ksef.APIError{Op: "send invoice", Kind: ksef.KindLocal, Err: lack},
		"gateway":  &ksef.APIError{Op: "send invoice", Kind: ksef.KindNetwork, Unconnected: true, Exhausted: true, Err: dial},
	} {
		v := Judge(err)
		if v.Action != Later || v.Reason != ReasonLocal || v.Delay <= 0 || v.Delay > 5*time.Second {
			t.Errorf("%s: the verdict is %+v, want the action later after at most 5s, because of this process", name, v)
		}
	}
	unknown := &ksef.APIError{Op: "send invoice", Kind: ksef.KindLocal, MaybeDone: true, Err: lack}
	if v := Judge(unknown); v.Action != LookFirst {
		t.Errorf("the request may have been carried out, and the verdict is %+v, want look first", v)
	}
}
