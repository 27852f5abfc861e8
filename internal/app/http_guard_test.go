package app

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
)

// Guessing a password is slowed down for the address that guesses, and for no other.
func TestLogin_WrongManyTimes_TheAddressIsRefusedForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		g := requireLogin(func(_, password string) bool { return password == "right" }, newThrottle(zerolog.New(&log)),
			http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		try := func(from, password string) *httptest.ResponseRecorder {
			r := httptest.NewRequestWithContext(t.Context(), "GET", "/monitoring/", nil)
			r.RemoteAddr = from + ":1000"
			if password != "" {
				r.SetBasicAuth("admin", password)
			}
			w := httptest.NewRecorder()
			g.ServeHTTP(w, r)
			return w
		}
		tried := 0
		for began := time.Now(); time.Since(began) < time.Hour; <-time.After(100 * time.Millisecond) {
			if try("10.0.0.1", "guess").Code == http.StatusUnauthorized {
				tried++
			}
		}
		if tried < 60 || tried > 75 {
			t.Errorf("%d guesses were checked in an hour, want 60 to 75", tried)
		}
		if w := try("10.0.0.1", "right"); w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" {
			t.Errorf("during the pause the right password gets %d with Retry-After %q, want 429 and a time",
				w.Code, w.Header().Get("Retry-After"))
		}
		if w := try("10.0.0.2", "right"); w.Code != http.StatusOK {
			t.Errorf("another address gets %d, want 200", w.Code)
		}
		<-time.After(loginPauseMax + time.Second)
		for range 3 { // after a right login, the wrong logins before it no longer count
			if w := try("10.0.0.1", "right"); w.Code != http.StatusOK {
				t.Errorf("after the pause the right password gets %d, want 200", w.Code)
			}
			try("10.0.0.1", "mistyped")
		}
		for range 100 {
			if w := try("10.0.0.3", ""); w.Code != http.StatusUnauthorized {
				t.Fatalf("a request without a login, such as a browser's first one, gets %d, want 401", w.Code)
			}
		}
		if text := log.String(); !strings.Contains(text, "10.0.0.1") || strings.Contains(text, "guess") {
			t.Errorf("the log is %s, want the address in it and no guessed password", text)
		}
	})
}

func TestDashboard_Change_IsLoggedWithItsUser(t *testing.T) {
	var log bytes.Buffer
	dashboard := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	h := logChanges(zerolog.New(&log), dashboard)
	for _, method := range []string{"GET", "HEAD", "POST", "DELETE"} {
		r := httptest.NewRequestWithContext(t.Context(), method, "/monitoring/api/queues/invoices:pause", nil)
		r.SetBasicAuth("anna", "s3cret")
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
	text := log.String()
	if n := strings.Count(text, `"user":"anna"`); n != 2 || strings.Contains(text, "s3cret") {
		t.Errorf("%d lines of the log name anna, want two and no password: %s", n, text)
	}
	for _, want := range []string{
		`"method":"DELETE"`, `"path":"/monitoring/api/queues/invoices:pause"`, `"status":204`, `"from":"192.0.2.1"`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the log lacks %s: %s", want, text)
		}
	}
}

// When many tasks are deleted at once, the log names them and the handler gets the body unchanged.
func TestDashboard_ChangeOfManyTasks_IsLoggedWithTheirIDs(t *testing.T) {
	for name, c := range map[string]struct {
		body        string
		has, hasNot string
	}{
		"two":       {`{"task_ids":["package:submit:p1","invoice:send:i2:3"]}`, `"tasks":["package:submit:p1","invoice:send:i2:3"],"tasks_named":2`, ""},
		"many":      {`{"task_ids":["a"` + strings.Repeat(`,"b"`, 99) + `]}`, `"tasks_named":100`, strings.Repeat(`"b",`, 20)},
		"too large": {`{"task_ids":["a"` + strings.Repeat(`,"b"`, 1<<19) + `]}`, `"status":204`, `"tasks`},
		"no ids":    {`{"other":1}`, `"status":204`, `"tasks`},
		"no JSON":   {`x`, `"status":204`, `"tasks`},
		"none":      {``, `"status":204`, `"tasks`},
	} {
		var log bytes.Buffer
		var got []byte
		h := logChanges(zerolog.New(&log), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			got, _ = io.ReadAll(r.Body)
			w.WriteHeader(http.StatusNoContent)
		}))
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/monitoring/api/queues/packages/retry_tasks:batch_delete",
			strings.NewReader(c.body))
		h.ServeHTTP(httptest.NewRecorder(), r)
		if string(got) != c.body {
			t.Errorf("%s: the handler reads %d bytes, want %d", name, len(got), len(c.body))
		}
		if text := log.String(); !strings.Contains(text, c.has) || c.hasNot != "" && strings.Contains(text, c.hasNot) {
			t.Errorf("%s: the log says %s, want %q in it and not %q", name, text, c.has, c.hasNot)
		}
	}
}
