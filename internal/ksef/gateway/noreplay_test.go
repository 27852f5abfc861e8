package gateway_test

import (
	"bufio"
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/gateway"
)

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

// breaker answers the first request of its first connection. It reads the second request on that
// connection and then breaks the connection without an answer. net/http then replays the request if
// it counts as replayable. breaker serves every later connection well.
type breaker struct {
	url    string
	answer string
	status string

	mu   sync.Mutex
	reqs []string // request lines
}

func newBreaker(t *testing.T, status, answer string, end func(*net.TCPConn)) *breaker {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &breaker{url: "http://" + l.Addr().String(), answer: answer, status: status}
	var conns sync.WaitGroup
	conns.Go(func() {
		for first := true; ; first = false {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conns.Go(func() { b.serve(conn.(*net.TCPConn), first, end) })
		}
	})
	t.Cleanup(func() { l.Close(); conns.Wait() })
	return b
}

func (b *breaker) serve(conn *net.TCPConn, first bool, end func(*net.TCPConn)) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for n := 1; ; n++ {
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			return
		}
		b.mu.Lock()
		b.reqs = append(b.reqs, req.Method+" "+req.URL.Path)
		b.mu.Unlock()
		if first && n == 2 {
			end(conn)
			return
		}
		_, _ = io.WriteString(
			conn,
			"HTTP/1.1 "+b.status+"\r\nContent-Type: application/json\r\nContent-Length: "+itoa(len(b.answer))+"\r\n\r\n"+b.answer,
		)
	}
}

func (b *breaker) count(path string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, r := range b.reqs {
		if strings.HasSuffix(r, path) {
			n++
		}
	}
	return n
}

// An ordinary client sends the same GET twice, which shows that the test's server can detect a
// replay.
func TestNoReplay_OrdinaryClient_SendsTwice(t *testing.T) {
	for name, end := range map[string]func(*net.TCPConn){"FIN": hangUp, "RST": reset} {
		t.Run(name, func(t *testing.T) {
			b := newBreaker(t, "200 OK", `{"result":true}`, end)
			transport := &http.Transport{}
			t.Cleanup(transport.CloseIdleConnections)
			for _, path := range []string{"/warm", "/close"} {
				resp, err := (&http.Client{Transport: transport}).Get(b.url + path)
				if err != nil {
					t.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
			if n := b.count("/close"); n != 2 {
				t.Errorf("an ordinary client sent the request %d times, want 2: this server no longer provokes a replay", n)
			}
		})
	}
}

func TestNoReplay_ReusedConnectionBreaks_NothingIsSentTwice(t *testing.T) {
	ends := map[string]func(*net.TCPConn){"FIN": hangUp, "RST": reset}
	calls := map[string]struct {
		path string
		do   func(context.Context, *gateway.Client, string) error
	}{
		"close, a GET": {
			"/invoice/session/close/s",
			func(ctx context.Context, c *gateway.Client, _ string) error { return c.CloseSession(ctx, "s", true) },
		},
		"status, a GET": {"/invoice/session/status/s", func(ctx context.Context, c *gateway.Client, _ string) error {
			_, err := c.SessionStatus(ctx, "s")
			return err
		}},
		"send, a POST": {"/invoice/send", func(ctx context.Context, c *gateway.Client, _ string) error {
			key, err := ksef.NewSessionKey()
			if err != nil {
				return err
			}
			_, err = c.SendInvoice(ctx, ksef.Seal("s", key, plain))
			return err
		}},
		"a part by PUT": {"/part", func(ctx context.Context, c *gateway.Client, url string) error {
			return c.UploadPart(
				ctx, ksef.PartUpload{Ordinal: 1, Method: "PUT", URL: url + "/part?sig=x"}, opener(plain),
				int64(len(plain)),
			)
		}},
		"a part by PUT with an idempotency key": {"/part", func(ctx context.Context, c *gateway.Client, url string) error {
			return c.UploadPart(ctx, ksef.PartUpload{
				Ordinal: 1, Method: "PUT", URL: url + "/part?sig=x",
				Headers: []ksef.Header{{Name: "Idempotency-Key", Value: "1"}},
			},
				opener(plain), int64(len(plain)))
		}},
		"a box batch": {"/box/upload/batch", func(ctx context.Context, c *gateway.Client, _ string) error {
			return c.BoxUploadBatch(
				ctx, gateway.BoxBatchRequest{UploadID: "u", InvoiceVersion: ksef.FA3}, opener(plain),
				int64(len(plain)),
			)
		}},
	}
	for end, how := range ends {
		for name, call := range calls {
			t.Run(end+", "+name, func(t *testing.T) {
				b := newBreaker(t, "200 OK", `{"result":true}`, how)
				c := dial(t, b.url)
				if err := c.CloseSession(soon(t), "warm", true); err != nil {
					t.Fatal(err)
				}
				e := apiError(t, call.do(soon(t), c, b.url))
				if e.Kind != ksef.KindNetwork || !e.MaybeDone {
					t.Errorf("the error is %v of kind %s, maybe done %v, want KindNetwork that may be done", e, e.Kind, e.MaybeDone)
				}
				if n := b.count(call.path); n != 1 {
					t.Errorf("the request was sent %d times, want once", n)
				}
			})
		}
	}
}

// The package gives each GET an empty body, which keeps the transport from replaying the GET. This
// body must not appear on the wire.
func TestNoReplay_Get_HasNoBodyOnTheWire(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := make(chan string, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			got <- err.Error()
			return
		}
		defer conn.Close()
		var b strings.Builder
		in := bufio.NewReader(conn)
		for {
			line, err := in.ReadString('\n')
			b.WriteString(line)
			if err != nil || line == "\r\n" {
				break
			}
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"result\":true}")
		rest, _ := io.ReadAll(in)
		got <- b.String() + string(rest)
	}()
	c := dial(t, "http://"+l.Addr().String())
	if err := c.CloseSession(soon(t), "s", true); err != nil {
		t.Fatal(err)
	}
	c.CloseIdleConnections()
	want := "GET /invoice/session/close/s HTTP/1.1\r\nHost: " + l.Addr().String() + "\r\n" +
		"User-Agent: erp/2.1 ksefworker-client/1.0\r\nAccept: application/json\r\n" +
		"Authorization: Basic " + b64([]byte(keyID+":"+secret)) + "\r\n\r\n"
	if text := <-got; text != want {
		t.Errorf("on the wire:\n%q\nwant\n%q", text, want)
	}
}
