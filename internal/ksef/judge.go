package ksef

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"time"
)

// maxErrorBody bounds what is read of an answer that is not the expected one. The gateway's errors are a few hundred bytes long.
const maxErrorBody = 256 << 10

// judge turns what went wrong into an APIError.
type judge struct {
	op         string
	ended      func() (ErrorKind, error) // why the request was ended from this side; nil error: it was not
	creds      credentials
	target     *url.URL
	now        func() time.Time
	processing bool
	part       bool // sent to the store of parts, not to the gateway
}

// endedBy tells the caller's end from our own. The caller's is no outage, its deadline included: how much time it had left says nothing about the other side.
func endedBy(caller, ctx context.Context) (ErrorKind, error) {
	if err := caller.Err(); err != nil {
		if cause := context.Cause(caller); !errors.Is(err, cause) {
			err = fmt.Errorf("%w: %w", err, cause)
		}
		return KindCanceled, err
	}
	if errors.Is(context.Cause(ctx), ErrTimeout) {
		return KindNetwork, ErrTimeout
	}
	return "", nil
}

// broken maps an error of the transport.
func (j judge) broken(err error, maybeDone bool) *APIError {
	kind, ended := j.ended()
	if ended == nil {
		kind, ended = KindNetwork, j.creds.cleanse(err, j.target)
	}
	return &APIError{Op: j.op, Kind: kind, MaybeDone: maybeDone, Err: ended}
}

// unread maps an answer of the expected status that could not be read.
func (j judge) unread(a *answer, resp *http.Response, err error) *APIError {
	var no *gatewayError
	var local *localError
	switch {
	case errors.As(err, &no):
		return j.answered(resp, &no.body)
	case errors.As(err, &local):
		return &APIError{Op: j.op, Status: a.status, Kind: KindLocal, MaybeDone: true, Err: local.err}
	case errors.Is(a.body.err, errTooLarge):
		return &APIError{Op: j.op, Status: a.status, Kind: KindTooLarge, MaybeDone: true, Err: errTooLarge}
	case errors.Is(err, ErrResultFalse):
		return &APIError{Op: j.op, Status: a.status, Kind: KindRefused, MaybeDone: true, Err: ErrResultFalse}
	case a.body.err != nil && a.body.err != io.EOF:
		e := j.broken(a.body.err, true)
		e.Status = a.status
		return e
	}
	cause := j.creds.cleanse(err, j.target)
	// The gateway's own JSON, in a form that nobody here knows: the gateway is there.
	if _, odd := errors.AsType[*misreadError](err); odd || a.object {
		return &APIError{Op: j.op, Status: a.status, Kind: KindUnreadable, MaybeDone: true, Err: fmt.Errorf("answer not understood: %w", cause)}
	}
	return &APIError{Op: j.op, Status: a.status, Kind: KindOutage, MaybeDone: true, Err: cause}
}

// refusal maps an answer of another status than the expected one.
func (j judge) refusal(resp *http.Response, w *watcher) *APIError {
	raw, err := io.ReadAll(io.LimitReader(w.reading(resp.Body), maxErrorBody))
	if j.part {
		return j.partRefused(resp, raw)
	}
	body, isObject := parseError(raw)
	if body == nil && isObject {
		body = &errorBody{}
	}
	e := j.answered(resp, body)
	switch {
	case body != nil:
	case err != nil:
		e.Err = fmt.Errorf("answer broke off: %w", j.broken(err, true).Err)
	default:
		e.Err = fmt.Errorf("not the gateway's JSON (%s)", describe(raw, resp.Header.Get("Content-Type")))
	}
	return e
}

// answered decides by HTTP status first; a body that is not the gateway's JSON (nil) turns every status but 429 into an outage.
func (j judge) answered(resp *http.Response, body *errorBody) *APIError {
	status := resp.StatusCode
	e := &APIError{Op: j.op, Status: status, RetryAfter: retryAfter(resp.Header.Get("Retry-After"), j.now()), MaybeDone: true}
	if body != nil {
		e.Code, e.Description, e.Details = int(body.Code), j.creds.scrub(string(body.Description)), j.creds.scrub(string(body.Details))
		e.Reason = j.creds.scrub(string(body.Reason))
	}
	switch {
	case status == http.StatusTooManyRequests:
		e.Kind, e.MaybeDone = KindThrottled, body == nil
	case body == nil:
		e.Kind = KindOutage
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		e.Kind, e.MaybeDone = KindUnauthorized, false
	case j.processing && (e.Code == InvoiceReceived || e.Code == InvoiceProcessing):
		e.Kind, e.MaybeDone, e.Err = KindProcessing, false, ErrProcessing
	case status == http.StatusRequestTimeout:
		e.Kind = KindOutage
	case status >= 400 && status < 500:
		e.Kind, e.MaybeDone = KindRefused, false
	case status == http.StatusOK:
		// KSeF's 5xx codes mean "unknown error" and "cancelled by the system": even in so many words, no proof that nothing was done.
		e.Kind, e.MaybeDone = KindRefused, e.Code >= 500 && e.Code < 600
	default:
		e.Kind = KindOutage
	}
	if body != nil && *body == (errorBody{}) {
		e.MaybeDone, e.Err = true, errors.New("a JSON object without an error in it")
	}
	return e
}

var storeCode = regexp.MustCompile(`<Code>([A-Za-z0-9]{1,64})</Code>`)

// partRefused maps the answer of the store of parts. That is not the gateway: it answers XML or nothing, 403 says "too late" and nothing about our credentials, and its
// texts may quote the signature, so only its error code is kept.
func (j judge) partRefused(resp *http.Response, raw []byte) *APIError {
	e := &APIError{Op: j.op, Status: resp.StatusCode, RetryAfter: retryAfter(resp.Header.Get("Retry-After"), j.now()), MaybeDone: true, Kind: KindOutage}
	if m := storeCode.FindSubmatch(raw); m != nil {
		e.Description = string(m[1])
	}
	switch {
	case resp.StatusCode == http.StatusTooManyRequests:
		e.Kind, e.MaybeDone = KindThrottled, false
	case isHTML(raw), resp.StatusCode == http.StatusRequestTimeout:
		e.Err = fmt.Errorf("not the store's answer (%s)", describe(raw, resp.Header.Get("Content-Type")))
	case resp.StatusCode >= 400 && resp.StatusCode < 500:
		e.Kind, e.MaybeDone = KindRefused, false
	default:
		e.Err = errors.New("only 201 is success of a part")
	}
	return e
}
