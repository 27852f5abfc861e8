package ksef

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// DetailsInLog ends [APIError.OwnWords] when [APIError.Words] says more.
const DetailsInLog = " (details are in the log)"

// reasonCodes are the reasons of a 403 that KSeF documents. Any other reason is a text of the other
// side.
var reasonCodes = []string{
	"missing-permissions", "ip-not-allowed", "insufficient-resource-access", "auth-method-not-allowed",
	"security-service-blocked", "context-type-not-allowed",
}

// OwnWords returns the text of Error without any text of the other side, which may quote an
// invoice. Use it where an invoice must not be in clear text, such as in the queue in Redis.
// OwnWords keeps operation, kind, HTTP status, code, a documented reason, the pause that the other
// side asks for, and a cause that arose on this side.
func (e *APIError) OwnWords() string {
	own := APIError{Op: e.Op, Kind: e.Kind, Status: e.Status, Code: e.Code, RetryAfter: e.RetryAfter}
	if slices.Contains(reasonCodes, e.Reason) {
		own.Reason = e.Reason
	}
	if inner, ok := errors.AsType[*APIError](e.Err); ok {
		own.Err = errors.New(strings.TrimSuffix(inner.OwnWords(), DetailsInLog))
	} else if e.ownCause() {
		own.Err = e.Err
	}
	text := own.tell("")
	if text != e.Words() {
		text += DetailsInLog
	}
	return text
}

// ownCause reports whether the cause arose on this side. Such a cause quotes no answer.
func (e *APIError) ownCause() bool {
	switch e.Kind {
	case KindGated, KindCanceled, KindLocal:
		return true
	case KindNetwork:
		return e.Unconnected || errors.Is(e.Err, ErrTimeout)
	}
	return false
}

// OwnWords returns err's text with [APIError.OwnWords] in place of each client error in it. If the
// rest still repeats a text of the other side, the result is only the OwnWords of the client error
// that has this text.
func OwnWords(err error) string {
	text := err.Error()
	for _, e := range apiErrors(err) {
		text = strings.ReplaceAll(text, e.Error(), e.OwnWords())
	}
	for _, e := range apiErrors(err) { // a wrapper that repeats the other side's text is left out
		for _, theirs := range []string{e.Description, e.Details, e.Permissions} {
			if theirs != "" && (strings.Contains(text, theirs) || strings.Contains(text, printable(theirs))) {
				return fmt.Sprint(e.OwnWords())
			}
		}
	}
	return text
}

// apiErrors lists the outermost client errors in the tree of err.
func apiErrors(err error) []*APIError {
	if e, ok := err.(*APIError); ok { //nolint:errorlint // the tree is walked here
		return []*APIError{e}
	}
	switch e := err.(type) { //nolint:errorlint // as above
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			return apiErrors(inner)
		}
	case interface{ Unwrap() []error }:
		var all []*APIError
		for _, inner := range e.Unwrap() {
			all = append(all, apiErrors(inner)...)
		}
		return all
	}
	return nil
}
