package httpintake

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

func TestRoutes_UnknownPathOrMethod_IsAProblemThatNamesTheMethods(t *testing.T) {
	b := newBench(t, nil)
	id := b.take(0, "FV/1", "")
	for _, c := range []struct{ method, path, allow string }{
		{"PUT", "/v1/invoices", "GET, HEAD, POST"}, {"OPTIONS", "/v1/invoices", "GET, HEAD, POST"},
		{"DELETE", "/v1/invoices/" + id, "GET, HEAD"}, {"POST", "/v1/invoices/" + id, "GET, HEAD"},
		{"GET", "/v1/invoices/" + id + ":retry", "POST"}, {"PUT", "/v1/invoices/" + id + ":dismiss", "POST"},
		{"POST", "/v1/events", "GET, HEAD"}, {"POST", "/v1/docs", "GET, HEAD"}, {"POST", "/v1/invoices/" + id + "/xml", "GET, HEAD"},
		{"GET", "//v1/invoices", ""}, {"POST", "/v1/./invoices", ""}, {"GET", "/v1/invoices/../docs", ""}, {"GET", "/v1/invoices/", ""},
		{"GET", "/", ""}, {"GET", "/v1/invoices/%2e%2e/docs", ""}, {"POST", "/v1/invoices/" + id + ":resend", ""},
	} {
		a := b.call(c.method, c.path, nil)
		status, kind := http.StatusNotFound, "not-found"
		if c.allow != "" {
			status, kind = http.StatusMethodNotAllowed, "method-not-allowed"
		}
		if b.want(a, status, kind); a.head.Get("Allow") != c.allow || a.head.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s: the head is %v, want Allow: %s and the type application/problem+json", c.method, c.path, a.head, c.allow)
		}
	}
}

// The server reads the rest of a body before it answers. No caller, with a key or without one, may
// hold a connection with a body that does not come.
func TestBody_DoesNotCome_EveryCallEnds(t *testing.T) {
	b := newBench(t, func(o *Options) { o.Limits.BodyPeriod = 100 * time.Millisecond })
	id := b.take(0, "FV/1", "")
	for _, call := range []string{"POST /v1/invoices HTTP/1.1\r\n", "POST /none HTTP/1.1\r\n", "GET /v1/docs HTTP/1.1\r\n",
		"GET /v1/invoices HTTP/1.1\r\nAuthorization: Bearer " + keyOne + "\r\n",
		"POST /v1/invoices/" + id + ":dismiss HTTP/1.1\r\nAuthorization: Bearer " + keyOne + "\r\n"} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(b.url, "http://"))
		b.must(err)
		b.must(conn.SetDeadline(time.Now().Add(20 * time.Second)))
		_, err = fmt.Fprintf(conn, "%sHost: x\r\nContent-Length: 50\r\n\r\n{", call)
		b.must(err)
		r := bufio.NewReader(conn)
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Errorf("the call %q got no answer: %v", call, err)
			continue
		}
		resp.Body.Close()
		if strings.Contains(call, "dismiss") != (resp.StatusCode == http.StatusRequestTimeout) {
			t.Errorf("the call %q was answered with status %d; only the dismissal should get a 408", call, resp.StatusCode)
		}
		if _, err := r.ReadByte(); os.IsTimeout(err) {
			t.Errorf("after the call %q, the connection stays open, want it closed", call)
		}
		_ = conn.Close()
	}
}

// deadlines records the write deadlines that a call sets for its connection.
type deadlines struct {
	*httptest.ResponseRecorder
	write []time.Time
}

func (d *deadlines) SetWriteDeadline(at time.Time) error {
	d.write = append(d.write, at)
	return nil
}

// A call lifts the write deadline that the answer before it has set on the same connection. If that
// deadline has passed, the "100 Continue" of this call would fail.
func TestCall_DeadlineOfTheAnswerBefore_IsLifted(t *testing.T) {
	b := newBench(t, nil)
	s, err := New(b.o)
	b.must(err)
	d := &deadlines{ResponseRecorder: httptest.NewRecorder()}
	s.ServeHTTP(d, httptest.NewRequestWithContext(t.Context(), "GET", "/v1/docs", nil))
	if len(d.write) != 2 || !d.write[0].IsZero() || d.write[1].IsZero() {
		t.Errorf("the call set the write deadlines %v, want first none, and then one for its own answer", d.write)
	}
}

func TestKeys_FileWithTheSameSizeAndTime_IsReadAllTheSame(t *testing.T) {
	now := monday
	b := newBench(t, func(o *Options) { o.Now = func() time.Time { return now } })
	info, err := os.Stat(b.keyFile)
	b.must(err)
	next := strings.Repeat("n", len(keyOne))
	b.must(os.WriteFile(b.keyFile, []byte(next+"\n"), 0o600))
	b.must(os.Chtimes(b.keyFile, info.ModTime(), info.ModTime()))
	now = now.Add(2 * keyCheck)
	b.want(b.call("GET", "/v1/invoices", nil), http.StatusUnauthorized, "unauthorized")
	b.want(b.call("GET", "/v1/invoices", nil, "Authorization", "Bearer "+next), http.StatusOK, "")
}
