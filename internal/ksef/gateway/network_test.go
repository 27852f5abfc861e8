package gateway_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/gateway"
)

func TestNetwork_NothingListens_NothingWasSent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	gate := &recordingGate{}
	c := dial(t, "http://"+l.Addr().String(), func(o *gateway.Options) { o.Gate = gate })
	e := apiError(t, c.CloseSession(soon(t), "s", true))
	if e.Kind != ksef.KindNetwork || e.MaybeDone || e.Status != 0 {
		t.Errorf("nobody listens, and the error is %v of kind %s, maybe done %v, want KindNetwork and not done", e, e.Kind, e.MaybeDone)
	}
	if o := gate.last(t); !o.Outage || !o.Unreachable {
		t.Errorf("outcome %+v, want an outage, unreachable", o)
	}
}

func TestNetwork_UnknownCertificate_NothingWasSent(t *testing.T) {
	srv := httptest.NewUnstartedServer(answers(200, "application/json", `{"result":true}`))
	srv.Config.ErrorLog = quiet()
	srv.StartTLS()
	t.Cleanup(srv.Close)
	gate := &recordingGate{}
	e := apiError(t, dial(t, srv.URL, func(o *gateway.Options) { o.Gate = gate }).CloseSession(soon(t), "s", true))
	if e.Kind != ksef.KindNetwork || e.MaybeDone {
		t.Errorf("the certificate is unknown, and the error is %v of kind %s, maybe done %v, want KindNetwork and not done",
			e, e.Kind, e.MaybeDone)
	}
	if !gate.last(t).Unreachable {
		t.Error("the outcome is not Unreachable, but a TLS handshake that fails is no connection")
	}
}

func TestNetwork_ContextEndedBefore_NothingIsSent(t *testing.T) {
	rec := answers(200, "application/json", `{"result":true}`)
	c, _ := serve(t, rec)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := c.CloseSession(ctx, "s", true)
	if e := apiError(t, err); e.Kind != ksef.KindCanceled || e.MaybeDone || !errors.Is(err, context.Canceled) || len(rec.all()) != 0 {
		t.Errorf("the context ended before the call: error %v of kind %s, maybe done %v, %d requests, want KindCanceled and none",
			e, e.Kind, e.MaybeDone, len(rec.all()))
	}
}

func TestNetwork_ContextCancelledWithACause_TheErrorKeepsIt(t *testing.T) {
	c, _ := serve(t, answers(200, "application/json", `{}`))
	why := errors.New("shutting down")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(why)
	if err := c.CloseSession(ctx, "s", true); !errors.Is(err, why) || !errors.Is(err, context.Canceled) {
		t.Errorf("the error does not keep the cause of the canceled context: %v", err)
	}
}

// raw starts a server that reads the headers of a request, answers with fixed bytes and then calls
// end. It returns the server's URL.
func raw(t *testing.T, bytes string, end func(*net.TCPConn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			buf := make([]byte, 0, 4096)
			for !strings.Contains(string(buf), "\r\n\r\n") {
				n, err := conn.Read(buf[len(buf):cap(buf)])
				buf = buf[:len(buf)+n]
				if err != nil {
					break
				}
			}
			_, _ = io.WriteString(conn, bytes)
			end(conn.(*net.TCPConn))
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return "http://" + l.Addr().String()
}

func hangUp(c *net.TCPConn) { c.Close() }
func reset(c *net.TCPConn)  { _ = c.SetLinger(0); c.Close() }
func wait(c *net.TCPConn) {
	_, _ = io.Copy(io.Discard, c) // until the client goes
	c.Close()
}

func TestNetwork_BreaksAfterTheRequest_MayBeDone(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	for _, tc := range []struct {
		why    string
		bytes  string
		end    func(*net.TCPConn)
		status int
		want   ksef.ErrorKind
	}{
		{"hangs up without an answer", "", hangUp, 0, ksef.KindNetwork},
		{"resets without an answer", "", reset, 0, ksef.KindNetwork},
		{"says nothing until the time is up", "", wait, 0, ksef.KindNetwork},
		{"speaks another protocol", "SSH-2.0-OpenSSH\r\n\r\n", hangUp, 0, ksef.KindNetwork},
		{"hangs up in the headers", "HTTP/1.1 200 OK\r\nContent-", hangUp, 0, ksef.KindNetwork},
		{"headers, then silence", head + "Content-Length: 15\r\n\r\n", wait, 200, ksef.KindNetwork},
		{"half a body, then silence", head + "Content-Length: 15\r\n\r\n{\"resu", wait, 200, ksef.KindNetwork},
		{"half a body, then the end", head + "Content-Length: 15\r\n\r\n{\"resu", hangUp, 200, ksef.KindNetwork},
		{"half a body, then a reset", head + "Content-Length: 15\r\n\r\n{\"resu", reset, 200, ksef.KindNetwork},
		{"chunks that break off", head + "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"res\r\n", hangUp, 200, ksef.KindNetwork},
		{
			"half an error page, then the end", "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 100\r\n\r\n<html>",
			hangUp, 502, ksef.KindOutage,
		},
	} {
		t.Run(tc.why, func(t *testing.T) {
			t.Parallel()
			allowed := 10 * time.Second
			if strings.Contains(tc.why, "silence") || strings.Contains(tc.why, "nothing") {
				allowed = 400 * time.Millisecond
			}
			gate := &recordingGate{}
			c := dial(t, raw(t, tc.bytes, tc.end), func(o *gateway.Options) { o.Timeout = allowed; o.Gate = gate })
			calls := map[string]func() error{
				"close": func() error { return c.CloseSession(soon(t), "s", true) },
				"list":  func() error { _, err := c.SessionInvoices(soon(t), "s"); return err },
				"get":   func() error { _, err := c.Invoice(soon(t), "k"); return err },
				"fetch": func() error { _, err := c.BoxDownloaded(soon(t), "d", io.Discard); return err },
			}
			for name, call := range calls {
				err := call()
				e := apiError(t, err)
				if e.Kind != tc.want || !e.MaybeDone || e.Status != tc.status || e.Err == nil {
					t.Errorf("%s: the error is %v of kind %s, maybe done %v, HTTP %d, cause %v; want kind %s, true, HTTP %d and a cause",
						name, e, e.Kind, e.MaybeDone, e.Status, e.Err, tc.want, tc.status)
				}
				if o := gate.last(t); !o.Outage || o.Unreachable {
					t.Errorf("%s: outcome %+v, want an outage with a connection", name, o)
				}
				if strings.Contains(tc.why, "silence") && !errors.Is(err, ksef.ErrTimeout) {
					t.Errorf("%s: after a silence the error is %v, want ErrTimeout inside it", name, err)
				}
			}
		})
	}
}

func TestNetwork_CallersDeadline_IsNoOutage(t *testing.T) {
	gate := &recordingGate{}
	c := dial(t, raw(t, "", wait), func(o *gateway.Options) { o.Gate = gate })
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	err := c.CloseSession(ctx, "s", true)
	if e := apiError(t, err); e.Kind != ksef.KindCanceled || !e.MaybeDone || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("after the caller's deadline the error is %v of kind %s, maybe done %v, want KindCanceled that may be done",
			e, e.Kind, e.MaybeDone)
	}
	if o := gate.last(t); o.Outage {
		t.Errorf("the gate was told the outcome %+v, want no outage for the caller's own deadline", o)
	}
}

func TestNetwork_AnswerAboveTheCap_IsTooLarge(t *testing.T) {
	body := `{"result":true,"x":"` + strings.Repeat("x", 1000) + `"}`
	for name, tc := range map[string]struct {
		limit int64
		ok    bool
	}{
		"one byte too many": {int64(len(body)) - 1, false},
		"exactly full":      {int64(len(body)), true},
	} {
		t.Run(name, func(t *testing.T) {
			gate := &recordingGate{}
			c, _ := serve(t, answers(200, "application/json", body), func(o *gateway.Options) { o.MaxResponse = tc.limit; o.Gate = gate })
			err := c.CloseSession(soon(t), "s", true)
			if tc.ok {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if e := apiError(t, err); e.Kind != ksef.KindTooLarge || !e.MaybeDone || gate.last(t).Outage {
				t.Errorf("the error is %v of kind %s, maybe done %v, want KindTooLarge that may be done", e, e.Kind, e.MaybeDone)
			}
		})
	}
}

// Each operation bounds the size of its answer. So megabytes in place of a short answer are not
// read into memory.
func TestNetwork_MegabytesForAShortAnswer_AreTooLarge(t *testing.T) {
	c, _ := serve(t, answers(200, "application/json", `{"result":true,"x":"`+strings.Repeat("x", 2<<20)+`"}`))
	if e := apiError(t, c.CloseSession(soon(t), "s", true)); e.Kind != ksef.KindTooLarge {
		t.Errorf("megabytes for a short answer gave %v, want KindTooLarge", e)
	}
	c, _ = serve(t, answers(200, "text/xml", "<Faktura>"+strings.Repeat("x", 2<<20)+"</Faktura>"))
	if doc, err := c.Invoice(soon(t), "n"); err != nil || len(doc) < 2<<20 {
		t.Errorf("an invoice of 2 MB was read as %d bytes, error %v, want all of them", len(doc), err)
	}
}

func TestNetwork_DownloadAboveTheCap_IsTooLarge(t *testing.T) {
	c, _ := serve(t, answers(
		200, "application/zip", "PK"+strings.Repeat("x", 1<<20),
	), func(o *gateway.Options) { o.MaxDownload = 1 << 19 })
	n, err := c.BoxDownloaded(soon(t), "d", io.Discard)
	if e := apiError(t, err); e.Kind != ksef.KindTooLarge || n > 1<<19 {
		t.Errorf("the error is %v after %d bytes, want KindTooLarge before more than the limit are written", e, n)
	}
}

// The timeout of a stream begins again with every byte that moves, so a slow line does not count as
// a dead one. An answer that is read into memory has one timeout for the whole answer.
func TestNetwork_SlowAnswerThatMoves_OutlivesTheTimeoutOnlyAsAStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options("http://gateway.test")
		o.Timeout = time.Minute
		o.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			return &http.Response{
				StatusCode: 200, Header: http.Header{},
				Body: slowBody{r.Context(), strings.NewReader("<PK>xxxxxx</PK>")}, Request: r,
			}, nil
		})
		c := must(gateway.New(o))
		began := time.Now()
		if n, err := c.BoxDownloaded(t.Context(), "d", io.Discard); err != nil || n != 15 || time.Since(began) < 7*time.Minute {
			t.Errorf("the slow download gave %d bytes after %v, error %v, want all 15", n, time.Since(began), err)
		}
		began = time.Now()
		_, err := c.Invoice(t.Context(), "k")
		if e := apiError(t, err); e.Kind != ksef.KindNetwork || !errors.Is(err, ksef.ErrTimeout) || time.Since(began) > 2*time.Minute {
			t.Errorf("the slow invoice gave %v after %v, want ErrTimeout within two minutes", e, time.Since(began))
		}
	})
}

// slowBody gives a byte every half minute.
type slowBody struct {
	ctx context.Context
	r   io.Reader
}

func (s slowBody) Read(p []byte) (int, error) {
	select {
	case <-s.ctx.Done():
		return 0, s.ctx.Err()
	case <-time.After(30 * time.Second):
		return s.r.Read(p[:1])
	}
}

func (slowBody) Close() error { return nil }

func TestNetwork_WriterFails_IsALocalFault(t *testing.T) {
	full := errors.New("disk is full")
	gate := &recordingGate{}
	for name, size := range map[string]int{"at once": 10, "later": 1 << 20} {
		c, _ := serve(t, answers(200, "application/zip", strings.Repeat("P", size)), func(o *gateway.Options) { o.Gate = gate })
		_, err := c.BoxDownloaded(soon(t), "d", &failingWriter{left: size / 2, err: full})
		if e := apiError(t, err); e.Kind != ksef.KindLocal || !errors.Is(err, full) || gate.last(t).Outage {
			t.Errorf("when the writer fails %s, the error is %v, want KindLocal with the cause", name, e)
		}
	}
}

type failingWriter struct {
	left int
	err  error
}

func (f *failingWriter) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, f.err
	}
	return len(p), nil
}

func TestNetwork_Redirect_IsNeverFollowed(t *testing.T) {
	other := answers(200, "application/json", `{"result":true}`)
	elsewhere := httptest.NewServer(other)
	t.Cleanup(elsewhere.Close)
	for _, status := range []int{301, 302, 303, 307, 308} {
		rec := &recorder{status: status, header: http.Header{"Location": {elsewhere.URL}}}
		c, _ := serve(t, rec)
		for name, err := range map[string]error{
			"close": c.CloseSession(soon(t), "s", true),
			"box":   c.BoxUploadInvoice(soon(t), gateway.BoxInvoiceRequest{UploadID: "u", InvoiceData: plain}),
		} {
			if e := apiError(t, err); e.Kind != ksef.KindOutage || !e.MaybeDone {
				t.Errorf("%s, redirected with HTTP %d, gave %v, want an outage that may be done", name, status, e)
			}
		}
	}
	if n := len(other.all()); n != 0 {
		t.Errorf("%d requests followed a redirect, want none", n)
	}
}
