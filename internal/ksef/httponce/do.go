package httponce

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"

	"ksefworker/internal/ksef"
	"ksefworker/internal/tracing"
)

// Do is the only way to the network. Every request of a client goes through it. Do asks the gate,
// sets a time limit, adds the credentials and sends the request once. It bounds and reads the
// answer, and maps every error. read is called only if the status means success.
func (c *Client) Do(ctx context.Context, k Call, read func(*Answer) error) error {
	if tracing.Recording(ctx) {
		return c.traced(ctx, k, read)
	}
	return c.do(ctx, k, read)
}

func (c *Client) do(ctx context.Context, k Call, read func(*Answer) error) error {
	if k.Err != nil {
		return &ksef.APIError{Op: k.Op, Kind: ksef.KindLocal, Group: k.Group, Err: k.Err}
	}
	if c.o.Gate == nil {
		if _, fault := c.exchange(ctx, k, read); fault != nil {
			return fault
		}
		return nil
	}
	if err := c.o.Gate.Enter(ctx, k.Group); err != nil {
		return &ksef.APIError{Op: k.Op, Kind: ksef.KindGated, Group: k.Group, Err: err}
	}
	opened(ctx)
	// The gate must learn the outcome even if reading panics, because otherwise a half-open circuit
	// would wait for this request forever.
	outcome := ksef.Outcome{Err: errors.New("request was abandoned")}
	defer func() { c.o.Gate.Leave(context.WithoutCancel(ctx), k.Group, outcome) }()
	status, fault := c.exchange(ctx, k, read)
	outcome = ksef.OutcomeOf(status, fault)
	if fault != nil {
		return fault
	}
	return nil
}

// exchange sends one request and reads its answer. The status is 0 when no answer began.
func (c *Client) exchange(caller context.Context, k Call, read func(*Answer) error) (int, *ksef.APIError) {
	p := progress{reports: c.reports}
	status, fault := c.attempt(caller, k, &p, read)
	answered(caller, status)
	if fault != nil {
		fault.Group, fault.Unconnected = k.Group, status == 0 && p.unconnected(fault.Err)
		fault.Exhausted = fault.Unreachable() && exhausted(fault.Err)
	}
	return status, fault
}

func (c *Client) attempt(caller context.Context, k Call, p *progress, read func(*Answer) error) (int, *ksef.APIError) {
	w, ctx := watch(caller, c.o.Timeout, k)
	defer w.stop()
	if kind, err := endedBy(caller, ctx); err != nil { // the gate may have kept the request waiting
		return 0, &ksef.APIError{Op: k.Op, Kind: kind, Err: err}
	}
	creds, req, err := c.request(httptrace.WithClientTrace(ctx, p.hooks()), k, w)
	if err != nil {
		return 0, &ksef.APIError{Op: k.Op, Kind: ksef.KindLocal, Err: err}
	}
	m := mapper{
		op: k.Op, side: c.o.Side, parse: c.o.ParseError, creds: creds, target: req.URL, now: c.o.Now,
		processing: k.Processing, renewable: k.Renewable, part: k.Part,
	}
	m.ended = func() (ksef.ErrorKind, error) { return endedBy(caller, ctx) }

	// http.Client would follow redirects and put the full URL into errors.
	resp, err := c.o.Transport.RoundTrip(req)
	if err != nil {
		if own := w.bodyFault(); own != nil {
			return 0, &ksef.APIError{Op: k.Op, Kind: ksef.KindLocal, MaybeDone: p.maybeLeft(err), Err: own}
		}
		return 0, m.broken(err, p.maybeLeft(err))
	}
	defer resp.Body.Close()
	if c.o.Observe != nil && !k.Part {
		c.o.Observe(caller, k.Op, resp.StatusCode, resp.Header)
	}
	if !k.succeeds(resp.StatusCode) {
		return resp.StatusCode, m.refusal(resp, w)
	}
	limit := k.Limit
	if limit == AnyAnswer || limit > c.o.MaxResponse && !k.Stream {
		limit = c.o.MaxResponse
	}
	a := &Answer{
		Status:      resp.StatusCode,
		Header:      resp.Header,
		Body:        &cappedReader{r: w.reading(resp.Body), left: limit},
		contentType: resp.Header.Get("Content-Type"),
		parse:       c.o.ParseError,
		inside:      c.o.ErrorsInside,
	}
	if err := read(a); err != nil {
		return resp.StatusCode, m.unread(a, resp, err)
	}
	// The connection is used again only if the whole body was read. If much of the body is left,
	// reading it is not worth the wait.
	_, _ = io.CopyN(io.Discard, a.Body, 4<<10)
	return resp.StatusCode, nil
}

// request builds the request. The transport cannot replay it, because GetBody is never set and even
// a GET has an emptyBody.
func (c *Client) request(ctx context.Context, k Call, w *watchdog) (Credentials, *http.Request, error) {
	address := k.Target
	if address == nil {
		var err error
		if address, err = c.o.Base.Parse(trimSlash(c.o.Base.EscapedPath()) + k.Path); err != nil {
			return Credentials{}, nil, errors.New("address can't be built")
		}
	}
	req := (&http.Request{
		Method: k.Method, URL: address, Host: address.Host, Header: http.Header{},
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(ctx)

	var creds Credentials
	if k.Target != nil {
		exactHeaders(req, k.Headers)
	} else {
		if k.Authorize != nil {
			var err error
			if creds, err = k.Authorize(); err != nil {
				return Credentials{}, nil, err
			}
			req.Header.Set("Authorization", creds.Header)
		}
		req.Header.Set("User-Agent", c.o.UserAgent)
		req.Header.Set("Accept", k.Accept)
		if k.ContentType != "" {
			req.Header.Set("Content-Type", k.ContentType)
		}
		for _, h := range k.Headers {
			req.Header.Set(h.Name, h.Value)
		}
	}
	switch {
	case k.Open != nil:
		body, err := k.Open()
		if err != nil {
			return creds, nil, fmt.Errorf("open body: %w", err)
		}
		req.Body, req.ContentLength = w.sending(ctx, body, k.Size), k.Size
	case k.Body != nil:
		req.Body, req.ContentLength = onceBody(k.Body), int64(len(k.Body))
	default:
		req.Body = emptyBody{}
	}
	return creds, req, nil
}
