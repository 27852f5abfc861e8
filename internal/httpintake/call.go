package httpintake

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// call is one request on its way through a handler.
type call struct {
	w      *watched
	r      *http.Request
	id     string // of the request, for logs
	lang   lang
	client *client // nil where anybody may call

	strangers strangers                 // the strangers among the client's tenants, when the call began
	look      func() (strangers, error) // finds them again; nil where anybody may call
	admitted  func() error              // fails when the caller's key is no longer the client's

	read           bool              // the whole body was read
	taken, refused int               // documents, for the log
	said           map[string]string // texts of other packages in the language of the caller
	temp           string            // the folder for an answer that is too large for memory
	leave          func()            // gives up the place among the large calls; nil if it has none
}

// ctx returns the context of the request, which ends when the caller has gone.
func (c *call) ctx() context.Context { return c.r.Context() }

// known serves a route for clients with a key, within their rate and number of calls.
func (s *Server) known(pattern string, h func(*call) error) http.Handler {
	return s.anybody(pattern, func(c *call) error {
		var err error
		if c.client, err = s.clients.of(c.r); err != nil {
			return err
		}
		done, err := s.gates.enter(c.client)
		if err != nil {
			return err
		}
		defer done()
		c.look = func() (strangers, error) { return s.strangersOf(c) }
		c.admitted = func() error { return s.clients.still(c.client, c.r) }
		if c.strangers, err = c.look(); err != nil {
			return err
		}
		err = h(c)
		if p, ok := errors.AsType[*problem](err); ok && len(p.items) > 0 {
			return cmp.Or(c.settled(), err)
		}
		return err
	})
}

// anybody serves a route that needs no key. Every unsuccessful answer is a problem. Every call is
// one line in the log, but a probe is logged only when its answer was cut off. The line leaves out
// the body and the query, which may hold a ref or a number.
func (s *Server) anybody(pattern string, h func(*call) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := s.o.Now()
		s.hurry(w, r)
		r, span := s.begin(r, pattern)
		c := &call{w: &watched{ResponseWriter: w}, r: r, id: requestID(r), lang: languageOf(r), temp: s.o.Limits.TempDir}
		defer c.leavePlace()
		head := w.Header()
		head.Set("X-Request-Id", c.id)
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("Cache-Control", "no-store")
		defer c.end(span, pattern)
		err := c.run(h)
		cut := err != nil && c.w.status != 0
		defer func() { s.log(c, pattern, span.SpanContext(), s.o.Now().Sub(start), err, cut) }()
		if err != nil {
			s.lingers.answer(c, err)
		}
	})
}

// log writes the line of a call. cut says that the answer had begun and was cut off.
func (s *Server) log(c *call, pattern string, span trace.SpanContext, took time.Duration, err error, cut bool) {
	if probe(pattern) && !cut {
		return // a probe every few seconds would hide everything else
	}
	e, message := s.o.Log.Info(), "call"
	if c.w.status >= http.StatusInternalServerError {
		e = s.o.Log.Warn().Err(err)
	}
	if cut {
		e, message = s.o.Log.Error().Err(err), "call: the answer was cut off"
	}
	if c.client != nil {
		e = e.Str("client", c.client.Name)
	}
	if c.taken+c.refused > 0 {
		e = e.Int("taken", c.taken).Int("refused", c.refused)
	}
	if span.IsValid() {
		e = e.Stringer("trace_id", span.TraceID())
	}
	e.Str("request_id", c.id).Str("route", pattern).Int("status", c.w.status).
		Stringer("took", took.Round(time.Microsecond)).Msg(message)
}

// hurry bounds how long a body may take, whether or not a handler reads it. A bound is needed
// because the server reads the rest of the body before it answers, even from a caller without a
// key. hurry also lifts the write bound that the last answer left on this connection. Otherwise
// that bound would apply to the "100 Continue" of this call.
func (s *Server) hurry(w http.ResponseWriter, r *http.Request) {
	control := http.NewResponseController(w)
	_ = control.SetWriteDeadline(time.Time{}) // fails where the connection has no deadlines
	if r.ContentLength != 0 {
		_ = control.SetReadDeadline(time.Now().Add(s.o.Limits.BodyPeriod))
	}
}

// unhurried lifts the bound on reading. It is called when the whole body was read, because from
// then on only this program's own work takes time.
func (c *call) unhurried() {
	c.read = true
	_ = http.NewResponseController(c.w).SetReadDeadline(time.Time{})
}

// run calls a handler. A panic is a fault of this program, and the caller learns no more than that.
func (c *call) run(h func(*call) error) (err error) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			panic(p)
		default:
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return h(c)
}

// fail answers with a problem. If the head of an answer was sent already, it cuts the connection,
// so that the caller does not take half an answer for a whole answer.
func (c *call) fail(err error) {
	if c.w.status != 0 {
		panic(http.ErrAbortHandler)
	}
	p, ok := errors.AsType[*problem](err)
	if !ok {
		p = &problem{kind: internal}
	}
	c.retryAfter(p.after)
	if p.kind == unauthorized {
		c.w.Header().Set("WWW-Authenticate", `Bearer realm="ksef"`)
	}
	c.write(p.kind.status, "application/problem+json", p.body(c))
}

// retryAfter tells the caller to call again after d. If d is 0, it tells nothing.
func (c *call) retryAfter(d time.Duration) {
	if d > 0 {
		c.w.Header().Set("Retry-After", strconv.Itoa(seconds(d)))
	}
}

// seconds returns d in seconds, rounded up.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

func (c *call) json(status int, v any) error {
	if err := c.settled(); err != nil {
		return err
	}
	c.write(status, "application/json", v)
	return nil
}

func (c *call) write(status int, contentType string, v any) {
	c.w.Header().Set("Content-Type", contentType)
	c.w.Header().Set("Content-Language", string(c.lang))
	c.w.Header().Set("Vary", "Accept-Language")
	answer := c.encoded(v)
	defer answer.close()
	c.leavePlace()
	_ = http.NewResponseController(c.w).SetWriteDeadline(time.Now().Add(time.Minute)) // fails where the connection has no deadlines
	c.w.WriteHeader(status)
	_, _ = io.Copy(c.w, answer.reader()) // fails when the caller has gone
}

// encoded returns v as JSON. A large answer is kept in a file, because callers may read slowly.
func (c *call) encoded(v any) *body {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // every type that is answered can be encoded
	whole := &body{at: bytes.NewReader(text.Bytes()), size: int64(text.Len())}
	if whole.size <= inMemory {
		return whole
	}
	spooled, err := spool(c.temp, &text, whole.size, inMemory)
	if err != nil { // the disk may be full
		return whole
	}
	return spooled
}

// leavePlace gives up the place among the large calls.
func (c *call) leavePlace() {
	if c.leave != nil {
		c.leave()
		c.leave = nil
	}
}

func (c *call) text(status int, body string) error {
	return c.raw(status, "text/plain; charset=utf-8", []byte(body))
}

func (c *call) raw(status int, contentType string, body []byte) error {
	if err := c.settled(); err != nil {
		return err
	}
	c.w.Header().Set("Content-Type", contentType)
	c.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_ = http.NewResponseController(c.w).SetWriteDeadline(time.Now().Add(time.Minute))
	c.w.WriteHeader(status)
	_, _ = c.w.Write(body)
	return nil
}

// requestID returns the caller's X-Request-Id when it is harmless, otherwise a new one.
func requestID(r *http.Request) string {
	id := r.Header.Get("X-Request-Id")
	const maxLength = 64
	harmless := id != "" && len(id) <= maxLength
	for i := 0; harmless && i < len(id); i++ {
		ch := id[i]
		harmless = ch == '-' || ch == '_' || ch == '.' || '0' <= ch && ch <= '9' || 'a' <= ch && ch <= 'z' || 'A' <= ch && ch <= 'Z'
	}
	if harmless {
		return id
	}
	return rand.Text()
}

// watched remembers the status that was sent.
type watched struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements [http.ResponseWriter].
func (w *watched) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (w *watched) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap lets [http.ResponseController] reach the connection.
func (w *watched) Unwrap() http.ResponseWriter { return w.ResponseWriter }
