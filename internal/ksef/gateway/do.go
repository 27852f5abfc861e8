package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"

	"ksefworker/internal/ksef"
)

// do is the only way to the network: every request of this package goes through it. It asks the
// gate, bounds the time, signs, sends once, caps and reads the answer, and maps every error. read
// is called only for the call's success status.
func (c *connection) do(ctx context.Context, k call, read func(*answer) error) error {
	if k.err != nil {
		return &ksef.APIError{Op: k.op, Kind: ksef.KindLocal, Group: k.group, Err: k.err}
	}
	if c.gate == nil {
		if _, fault := c.exchange(ctx, k, read); fault != nil {
			return fault
		}
		return nil
	}
	if err := c.gate.Enter(ctx, k.group); err != nil {
		return &ksef.APIError{Op: k.op, Kind: ksef.KindGated, Group: k.group, Err: fmt.Errorf("held back: %w", err)}
	}
	// If reading panics, the gate must be told all the same, or a half-open circuit would wait for
	// this request for ever.
	outcome := ksef.Outcome{Err: errors.New("request was abandoned")}
	defer func() { c.gate.Leave(context.WithoutCancel(ctx), k.group, outcome) }()
	status, fault := c.exchange(ctx, k, read)
	outcome = ksef.OutcomeOf(status, fault)
	if fault != nil {
		return fault
	}
	return nil
}

// exchange sends one request and reads its answer. The status is 0 when no answer began.
func (c *connection) exchange(caller context.Context, k call, read func(*answer) error) (int, *ksef.APIError) {
	p := progress{reports: c.reports}
	status, fault := c.attempt(caller, k, &p, read)
	if fault != nil {
		fault.Group, fault.Unconnected = k.group, status == 0 && p.unconnected(fault.Err)
	}
	return status, fault
}

func (c *connection) attempt(caller context.Context, k call, p *progress, read func(*answer) error) (int, *ksef.APIError) {
	w, ctx := watch(caller, c.timeout, k)
	defer w.stop()
	if kind, err := endedBy(caller, ctx); err != nil { // the gate may have kept it waiting
		return 0, &ksef.APIError{Op: k.op, Kind: kind, Err: err}
	}
	creds, req, err := c.request(httptrace.WithClientTrace(ctx, p.hooks()), k, w)
	if err != nil {
		return 0, &ksef.APIError{Op: k.op, Kind: ksef.KindLocal, Err: err}
	}
	m := mapper{op: k.op, creds: creds, target: req.URL, now: c.now, processing: k.processing, part: k.target != nil}
	m.ended = func() (ksef.ErrorKind, error) { return endedBy(caller, ctx) }

	// Not http.Client: it follows redirects, and wraps errors with the full URL.
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		if own := w.bodyFault(); own != nil {
			return 0, &ksef.APIError{Op: k.op, Kind: ksef.KindLocal, MaybeDone: p.maybeLeft(err), Err: own}
		}
		return 0, m.broken(err, p.maybeLeft(err))
	}
	defer resp.Body.Close()

	limit := k.limit
	if limit == anyAnswer || limit > c.maxResponse && !k.stream {
		limit = c.maxResponse
	}
	success := k.success
	if success == 0 {
		success = http.StatusOK
	}
	if resp.StatusCode != success {
		return resp.StatusCode, m.refusal(resp, w)
	}
	a := &answer{
		status:      resp.StatusCode,
		contentType: resp.Header.Get("Content-Type"),
		body:        &cappedReader{r: w.reading(resp.Body), left: limit},
	}
	if err := read(a); err != nil {
		return resp.StatusCode, m.unread(a, resp, err)
	}
	// A rest that is not read would cost the connection. A long rest is not worth the wait.
	_, _ = io.CopyN(io.Discard, a.body, 4<<10)
	return resp.StatusCode, nil
}

// request builds what is sent. It never sets GetBody, and gives even a GET an empty body of our
// own: so the transport cannot replay it.
func (c *connection) request(ctx context.Context, k call, w *watchdog) (credentials, *http.Request, error) {
	address := k.target
	if address == nil {
		var err error
		if address, err = c.base.Parse(trimSlash(c.base.EscapedPath()) + k.path); err != nil {
			return credentials{}, nil, errors.New("address can't be built")
		}
	}
	req := (&http.Request{
		Method: k.method, URL: address, Host: address.Host, Header: http.Header{},
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(ctx)

	var creds credentials
	if k.target != nil {
		partHeaders(req, k.headers)
	} else {
		var err error
		if creds, err = c.credentials(); err != nil {
			return credentials{}, nil, err
		}
		req.Header.Set("Authorization", creds.header())
		req.Header.Set("User-Agent", c.userAgent)
		req.Header.Set("Accept", k.accept)
		if k.contentType != "" {
			req.Header.Set("Content-Type", k.contentType)
		}
	}
	switch {
	case k.open != nil:
		body, err := k.open()
		if err != nil {
			return creds, nil, fmt.Errorf("open body: %w", err)
		}
		req.Body, req.ContentLength = w.sending(ctx, body, k.size), k.size
	case k.body != nil:
		req.Body, req.ContentLength = onceBody(k.body), int64(len(k.body))
	default:
		req.Body = emptyBody{}
	}
	return creds, req, nil
}
