package httponce

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"ksefworker/internal/ksef"
)

// maxErrorBody bounds, in bytes, what is read of an answer with an unexpected status. The errors of
// KSeF and its gateway are a few hundred bytes long.
const maxErrorBody = 256 << 10

// mapper makes an APIError of every failure of a request.
type mapper struct {
	op         string
	side       string
	parse      func([]byte) (*ErrorBody, bool)
	ended      func() (ksef.ErrorKind, error) // why this side ended the request; a nil error if it did not
	creds      Credentials
	target     *url.URL
	now        func() time.Time
	processing bool
	renewable  bool
	part       bool // sent to a pre-signed address
}

// endedBy distinguishes a request that the caller ended from one that this client ended. A request
// that the caller ended is not an outage, even when the caller's deadline has passed. The caller
// may have left too little time for the request.
func endedBy(caller, ctx context.Context) (ksef.ErrorKind, error) {
	if err := caller.Err(); err != nil {
		if cause := context.Cause(caller); !errors.Is(err, cause) {
			err = fmt.Errorf("%w: %w", err, cause)
		}
		return ksef.KindCanceled, err
	}
	if errors.Is(context.Cause(ctx), ksef.ErrTimeout) {
		return ksef.KindNetwork, ksef.ErrTimeout
	}
	return "", nil
}

// broken maps an error of the transport.
func (m mapper) broken(err error, maybeDone bool) *ksef.APIError {
	kind, ended := m.ended()
	if ended == nil {
		kind, ended = ksef.KindNetwork, m.creds.cleanse(err, m.target)
	}
	return &ksef.APIError{Op: m.op, Kind: kind, MaybeDone: maybeDone, Err: ended}
}

// unread maps the error of reading an answer of the expected status.
func (m mapper) unread(a *Answer, resp *http.Response, err error) *ksef.APIError {
	failed := func(kind ksef.ErrorKind, cause error) *ksef.APIError {
		return &ksef.APIError{Op: m.op, Status: a.Status, Kind: kind, MaybeDone: true, Err: cause}
	}
	var refused *RefusedError
	var local *localError
	var denied *DeniedError
	var stated *StatedError
	switch {
	case errors.As(err, &refused):
		return m.answered(resp, &refused.Body)
	case errors.As(err, &local):
		return failed(ksef.KindLocal, local.err)
	case errors.Is(a.ended(), errTooLarge):
		return failed(ksef.KindTooLarge, errTooLarge)
	case errors.As(err, &stated):
		e := failed(ksef.KindOutage, stated.Err)
		if stated.Credentials {
			e.Kind = ksef.KindUnauthorized
		}
		e.MaybeDone, e.Code, e.Advice = false, stated.Code, stated.Advice
		e.Description, e.Details = m.creds.scrub(stated.Description), m.creds.scrub(stated.Details)
		return e
	case errors.As(err, &denied):
		return failed(ksef.KindRefused, denied.Err)
	case a.ended() != nil && a.ended() != io.EOF:
		e := m.broken(a.ended(), true)
		e.Status = a.Status
		return e
	}
	cause := m.creds.cleanse(err, m.target)
	// JSON in an unknown form shows that the other side is there.
	if _, odd := errors.AsType[*MisreadError](err); odd || a.object {
		return failed(ksef.KindUnreadable, fmt.Errorf("answer not understood: %w", cause))
	}
	return failed(ksef.KindOutage, cause)
}

// refusal maps an answer with an unexpected status.
func (m mapper) refusal(resp *http.Response, w *watchdog) *ksef.APIError {
	raw, err := io.ReadAll(io.LimitReader(w.reading(resp.Body), maxErrorBody))
	if m.part {
		return m.partRefused(resp, raw)
	}
	body, isObject := m.parse(raw)
	if body == nil && isObject {
		body = &ErrorBody{}
	}
	e := m.answered(resp, body)
	switch {
	case body != nil:
	case err != nil:
		e.Err = fmt.Errorf("answer broke off: %w", m.broken(err, true).Err)
	default:
		e.Err = fmt.Errorf("not %s's JSON (%s)", m.side, describe(raw, resp.Header.Get("Content-Type")))
	}
	return e
}

// answered decides by HTTP status first. If the body is not the other side's JSON (nil), every
// status but 429 is an outage.
func (m mapper) answered(resp *http.Response, body *ErrorBody) *ksef.APIError {
	status := resp.StatusCode
	e := &ksef.APIError{
		Op: m.op, Status: status, MaybeDone: true,
		RetryAfter: retryAfter(resp.Header.Get("Retry-After"), m.now()),
	}
	if body != nil {
		e.Code, e.Trace = int(body.Code), cleanTrace(string(body.Trace))
		e.Description, e.Details = m.creds.scrub(string(body.Description)), m.creds.scrub(string(body.Details))
		e.Reason, e.Permissions = m.creds.scrub(string(body.Reason)),
			m.creds.scrub(strings.ReplaceAll(string(body.Permissions), "; ", ", "))
	}
	switch {
	case status == http.StatusTooManyRequests:
		e.Kind, e.MaybeDone = ksef.KindThrottled, body == nil
	case body == nil:
		e.Kind = ksef.KindOutage
	case m.renewable && status == http.StatusUnauthorized:
		e.Kind, e.MaybeDone, e.Err = ksef.KindProcessing, false, ErrTokenRefused
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		e.Kind, e.MaybeDone = ksef.KindUnauthorized, false
	case m.processing && (e.Code == ksef.InvoiceReceived || e.Code == ksef.InvoiceProcessing):
		e.Kind, e.MaybeDone, e.Err = ksef.KindProcessing, false, ksef.ErrProcessing
	case status == http.StatusRequestTimeout:
		e.Kind = ksef.KindOutage
	case status >= 400 && status < 500:
		e.Kind, e.MaybeDone = ksef.KindRefused, false
	case status == http.StatusOK:
		// KSeF's 5xx codes mean "unknown error" and "cancelled by the system". The request may
		// still have been carried out.
		e.Kind, e.MaybeDone = ksef.KindRefused, e.Code >= 500 && e.Code < 600
	default:
		e.Kind = ksef.KindOutage
	}
	if body != nil && *body == (ErrorBody{}) && e.Err == nil {
		e.MaybeDone, e.Err = true, errors.New("a JSON object without an error in it")
	}
	return e
}

var storeCode = regexp.MustCompile(`<Code>([A-Za-z0-9]{1,64})</Code>`)

// partRefused maps the answer of the store of parts, which is a host of its own. The store answers
// XML or an empty body. A 403 of the store means "too late" and says nothing about our credentials.
// Its texts may quote the signature of the address, so only its error code is kept.
func (m mapper) partRefused(resp *http.Response, raw []byte) *ksef.APIError {
	e := &ksef.APIError{
		Op: m.op, Status: resp.StatusCode, MaybeDone: true, Kind: ksef.KindOutage,
		RetryAfter: retryAfter(resp.Header.Get("Retry-After"), m.now()),
	}
	if code := storeCode.FindSubmatch(raw); code != nil {
		e.Description = string(code[1])
	}
	switch {
	case resp.StatusCode == http.StatusTooManyRequests:
		e.Kind, e.MaybeDone = ksef.KindThrottled, false
	case isHTML(raw), resp.StatusCode == http.StatusRequestTimeout:
		e.Err = fmt.Errorf("not the store's answer (%s)", describe(raw, resp.Header.Get("Content-Type")))
	case resp.StatusCode >= 400 && resp.StatusCode < 500:
		e.Kind, e.MaybeDone = ksef.KindRefused, false
	default:
		e.Err = errors.New("the upload of a part succeeds only with HTTP 201")
	}
	return e
}
