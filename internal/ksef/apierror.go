package ksef

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrorKind sorts the ways in which a request can fail. It is a closed list, fit for a metric
// label.
type ErrorKind string

// The kinds. A login whose credentials KSeF refuses is of KindUnauthorized, whatever the HTTP
// status.
const (
	KindRefused      ErrorKind = "refused"      // the other side, or the store of parts, refused
	KindThrottled    ErrorKind = "throttled"    // HTTP 429, whatever the body
	KindUnauthorized ErrorKind = "unauthorized" // HTTP 401 or 403 in the other side's own JSON
	KindProcessing   ErrorKind = "processing"   // not ready yet (ErrProcessing), or a token has ended: ask again
	KindOutage       ErrorKind = "outage"       // 5xx, HTML where JSON was due, a redirect, a garbled or incomplete answer
	KindNetwork      ErrorKind = "network"      // no connection, or it broke, or the time ran out
	KindUnreadable   ErrorKind = "unreadable"   // JSON of the other side, but not of the form that was due
	KindTooLarge     ErrorKind = "too_large"    // the answer is larger than the cap
	KindGated        ErrorKind = "gated"        // the gate did not open; nothing was sent
	KindCanceled     ErrorKind = "canceled"     // the caller's context ended first
	KindLocal        ErrorKind = "local"        // a fault on this side, e.g. a wrong argument or an unreadable key
)

// ErrorKinds lists every kind.
func ErrorKinds() []ErrorKind {
	return []ErrorKind{
		KindRefused, KindThrottled, KindUnauthorized, KindProcessing, KindOutage, KindNetwork, KindUnreadable, KindTooLarge,
		KindGated, KindCanceled, KindLocal,
	}
}

var (
	// ErrProcessing says that what was asked for is not ready. Ask again later.
	ErrProcessing = errors.New("still processing")
	// ErrTimeout says that the time that the client allows for a request has run out. The caller's
	// context has not ended.
	ErrTimeout = errors.New("time allowed is over")
)

// APIError is the only type of error that a client's methods return. It says what is known about a
// request that failed. The other side is KSeF, or the gateway in front of it.
//
// Error, GoString and MarshalJSON are free of secrets, URL queries and invoice content. Details may
// quote a field of the invoice if the request carried one. Keep Details with the invoice's outcome
// (see Words) and do not log them.
type APIError struct {
	// Op is the operation in words, such as "open batch session".
	Op string
	// Status is the HTTP status, 0 when no answer began.
	Status int
	// Code is the other side's own error code, 0 when it gave none. The full list is not published.
	Code int
	// Description and Details are the other side's texts with credentials and URL queries removed.
	// "" when it gave none.
	Description, Details string
	// Reason is KSeF's reasonCode, for example "missing-permissions"; "" when there is none.
	Reason string
	// Permissions lists permissions by KSeF's names ("InvoiceWrite, …"). KSeF requires one of them.
	// "" when KSeF names none.
	Permissions string
	// Advice says what must be done, mostly by a person, before the same request can succeed. ""
	// when that is not known.
	Advice string
	// Trace is the number of the request in KSeF's logs (traceId, serviceCode). "" when KSeF gave
	// none.
	Trace string
	// RetryAfter is how long the other side asks to wait, uncapped. 0 means that it did not say.
	RetryAfter time.Duration
	// MaybeDone says that the request may have been carried out in spite of the error. It is false
	// only if the request was never sent, or if the other side's own answer proves that nothing was
	// done. That answer is mostly a JSON error with a 4xx status other than 408. The store of parts
	// answers without JSON, so its status alone can be proof.
	MaybeDone bool
	// Kind sorts the error.
	Kind ErrorKind
	// Group is the operation's group; [GroupNone] for a request to a pre-signed address.
	Group Group
	// Err is the cause, nil when the answer itself says everything.
	Err error

	// Unconnected says that no connection to the other side was made. See Unreachable.
	Unconnected bool
	// Exhausted says that there was no connection because this machine had run out of file
	// descriptors, ports or memory.
	Exhausted bool
}

// Unwrap returns the cause.
func (e *APIError) Unwrap() error { return e.Err }

// Error tells in one line what failed and why. It leaves Details out, because Details may quote an
// invoice. It includes them for requests that open or close a session, and for those of a login, a
// certificate or a token. These requests carry no invoice, and only Details tell, for example, why
// KSeF refused a certificate.
func (e *APIError) Error() string {
	switch e.Group {
	case GroupOnlineSession, GroupOnlineSessionClose, GroupBatchSession, GroupBatchSessionClose,
		GroupLogin, GroupLoginSessions, GroupCertificates, GroupTokens:
		return e.Words()
	}
	return e.tell("")
}

// Words returns the text of Error with Details. It is for the record of the invoice, not for a log.
func (e *APIError) Words() string { return e.tell(e.Details) }

func (e *APIError) tell(details string) string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Kind != KindGated || e.Err == nil { // otherwise the cause says everything
		b.WriteString(": ")
		b.WriteString(string(e.Kind))
	}
	if e.Status != 0 {
		fmt.Fprintf(&b, ", HTTP %d", e.Status)
	}
	if e.Code != 0 {
		fmt.Fprintf(&b, ", code %d", e.Code)
	}
	if e.Reason != "" {
		fmt.Fprintf(&b, ", %s", printable(e.Reason))
	}
	if e.Permissions != "" {
		fmt.Fprintf(&b, " (%s)", printable(e.Permissions))
	}
	if e.RetryAfter > 0 {
		fmt.Fprintf(&b, ", it asks for a pause of %v", e.RetryAfter)
	}
	if e.Description != "" {
		b.WriteString(": ")
		b.WriteString(printable(e.Description))
	}
	if details != "" {
		b.WriteString(": ")
		b.WriteString(printable(details))
	}
	if e.Err != nil {
		b.WriteString(": ")
		b.WriteString(e.Err.Error())
	}
	if e.Advice != "" && (e.Err == nil || !strings.Contains(e.Err.Error(), e.Advice)) {
		b.WriteString("; ")
		b.WriteString(e.Advice)
	}
	if e.Trace != "" {
		fmt.Fprintf(&b, " (trace %s)", e.Trace)
	}
	return b.String()
}

// GoString makes %#v print no more than %v.
func (e *APIError) GoString() string { return fmt.Sprintf("&ksef.APIError{%q}", e.Error()) }

// MarshalJSON writes the main facts. The message is the text of Error.
func (e *APIError) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Op         string    `json:"op"`
		Kind       ErrorKind `json:"kind"`
		Status     int       `json:"status,omitempty"`
		Code       int       `json:"code,omitempty"`
		RetryAfter float64   `json:"retry_after_seconds,omitempty"`
		MaybeDone  bool      `json:"maybe_done"`
		Message    string    `json:"message"`
	}{e.Op, e.Kind, e.Status, e.Code, e.RetryAfter.Seconds(), e.MaybeDone, e.Error()})
}

const forbidden = 403 // HTTP

// MissingPermission reports whether the other side accepts the key but says that the key lacks a
// permission. KSeF says so by its reasonCode. A gateway says so by HTTP 403 without a reasonCode.
func (e *APIError) MissingPermission() bool {
	return e.Kind == KindUnauthorized && (e.Reason == "missing-permissions" || e.Reason == "" && e.Status == forbidden)
}

// Unreachable reports whether no connection to the other side was made; see [Outcome].
func (e *APIError) Unreachable() bool { return e.Kind == KindNetwork && e.Unconnected }

// OfSession reports whether KSeF refused because of the session. If so, what was sent was not
// taken, and another session may take it.
func (e *APIError) OfSession() bool {
	switch e.Code {
	case CodeSessionFull, CodeNoSession, CodeSessionForbids, CodeSessionPaused:
		return true
	}
	return false
}
