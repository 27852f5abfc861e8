package sinks

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// WebhookOptions are what a webhook is made from.
type WebhookOptions struct {
	URL string
	// Secrets returns the secrets that calls are signed with, one or two. It is called for each
	// batch.
	Secrets      func() ([]string, error)
	AllowPrivate bool
	Timeout      time.Duration // of one call; 0 is DefaultTimeout
	UserAgent    string
	TLS          *tls.Config      // for tests; nil is the system's authorities
	Now          func() time.Time // nil is the machine's clock
}

// DefaultTimeout is how long one call may take.
const DefaultTimeout = 15 * time.Second

// webhookParallel is how many calls of one webhook are made at the same time.
const webhookParallel = 32

// WebhookBatch is the batch size of a webhook. It equals the number of simultaneous calls, so that
// the results of one batch do not wait for each other.
const WebhookBatch = webhookParallel

// Webhook calls an HTTP receiver for each result, signed by Standard Webhooks 1.0.0. It never
// follows a redirect. It uses no proxy of the environment, because a proxy would bypass the check
// of addresses.
type Webhook struct {
	o      WebhookOptions
	tls    *tls.Config
	client *http.Client
}

// NewWebhook returns a webhook. It calls nobody yet.
func NewWebhook(o WebhookOptions) *Webhook {
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	secure := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.TLS != nil {
		secure = o.TLS
	}
	return &Webhook{o: o, tls: secure, client: &http.Client{
		Transport: &http.Transport{
			DialContext: dialer(o.AllowPrivate).DialContext, TLSClientConfig: secure, ForceAttemptHTTP2: true,
			MaxIdleConnsPerHost: webhookParallel, MaxConnsPerHost: webhookParallel, IdleConnTimeout: time.Minute,
			TLSHandshakeTimeout: 10 * time.Second, MaxResponseHeaderBytes: 32 << 10, DisableCompression: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Deliver implements [Sink].
func (w *Webhook) Deliver(ctx context.Context, messages []Message) []error {
	keys, err := w.keys()
	if err != nil {
		return all(len(messages), &OutageError{Unreached: true, Err: err})
	}
	return each(messages, webhookParallel, func(m *Message) error {
		begun := time.Now()
		err := w.call(ctx, keys, m)
		m.Took = max(time.Since(begun), 1)
		return err
	})
}

// Close ends idle connections.
func (w *Webhook) Close() { w.client.CloseIdleConnections() }

// messageID returns the value of the header webhook-id. It is the same each time that a result is
// sent.
func messageID(m *Message) string { return m.ID + "_" + strconv.FormatInt(m.Revision, 10) }

func (w *Webhook) call(ctx context.Context, keys [][]byte, m *Message) error {
	ctx, cancel := context.WithTimeout(ctx, w.o.Timeout)
	defer cancel()
	ctx, reached := watchReached(ctx)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.o.URL, bytes.NewReader(m.JSON))
	if err != nil {
		return &OutageError{Unreached: true, Err: errors.New("the address of the webhook cannot be used")}
	}
	id, at := messageID(m), w.o.Now()
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", w.o.UserAgent)
	req.Header.Set("Webhook-Id", id)
	req.Header.Set("Webhook-Timestamp", strconv.FormatInt(at.Unix(), 10))
	req.Header.Set("Webhook-Signature", sign(keys, id, at, m.JSON))
	resp, err := w.client.Do(req)
	if err != nil {
		return &OutageError{Unreached: !reached(), Err: unreachable(err)}
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		_, _ = io.CopyN(io.Discard, resp.Body, 16<<10) // so that the connection can be used again
		return nil
	}
	return w.refused(resp)
}

// watchReached returns a context for a call, and a function that reports whether the call has got a
// connection. If it has, the receiver may have seen the result, so an error may concern that result
// only. A receiver may, for example, run out of time for one tenant.
func watchReached(ctx context.Context) (context.Context, func() bool) {
	var got atomic.Bool
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { got.Store(false) }, // the transport may try another connection
		GotConn: func(httptrace.GotConnInfo) { got.Store(true) },
	}), got.Load
}

// firstBytes is how much of an answer is kept for the person who looks for the reason.
const firstBytes = 200

// refused says what an answer other than success means.
func (w *Webhook) refused(resp *http.Response) error {
	first, _ := io.ReadAll(io.LimitReader(resp.Body, firstBytes)) // as much as comes
	what := "answered " + strconv.Itoa(resp.StatusCode)
	if to := resp.Header.Get("Location"); to != "" && resp.StatusCode < 400 {
		what += " (a redirect, which is not followed: set the url to where it leads)"
	}
	if text := strings.TrimSpace(string(first)); text != "" {
		what += ": " + text
	}
	err := errors.New(what)
	switch resp.StatusCode {
	case http.StatusGone:
		return &GoneError{err}
	case http.StatusBadRequest, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType,
		http.StatusUnprocessableEntity:
		return err // concerns this result only
	}
	return &OutageError{After: w.after(resp.Header.Get("Retry-After")), Err: err}
}

// after returns the pause that Retry-After asks for, as a number of seconds or a date; 0 for none.
func (w *Webhook) after(s string) time.Duration {
	const most = int64(maxAfter / time.Second)
	// For a number that is too large, ParseInt returns the largest int64 together with the error.
	if n, err := strconv.ParseInt(s, 10, 64); n > 0 && (err == nil || errors.Is(err, strconv.ErrRange)) {
		return time.Duration(min(n, most)) * time.Second
	}
	if at, err := http.ParseTime(s); err == nil {
		return max(at.Sub(w.o.Now()), 0)
	}
	return 0
}

// unreachable returns the reason without the address, which may contain a token.
func unreachable(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return ErrNoAnswer
	}
	return fmt.Errorf("not reached: %w", err)
}
