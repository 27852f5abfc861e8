package app

import (
	"bytes"
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
			t.Errorf("%d guesses in an hour, want about one a minute", tried)
		}
		if w := try("10.0.0.1", "right"); w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" {
			t.Errorf("during the pause it answers %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
		}
		if w := try("10.0.0.2", "right"); w.Code != http.StatusOK {
			t.Errorf("another address gets %d", w.Code)
		}
		<-time.After(loginPauseMax + time.Second)
		for range 3 { // a right login makes the wrong ones before it not count
			if w := try("10.0.0.1", "right"); w.Code != http.StatusOK {
				t.Errorf("after the pause it answers %d", w.Code)
			}
			try("10.0.0.1", "mistyped")
		}
		for range 100 {
			if w := try("10.0.0.3", ""); w.Code != http.StatusUnauthorized {
				t.Fatalf("without a login it answers %d: a browser's first request has none", w.Code)
			}
		}
		if text := log.String(); !strings.Contains(text, "10.0.0.1") || strings.Contains(text, "guess") {
			t.Errorf("the log says %s", text)
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
		t.Errorf("%d lines: %s", n, text)
	}
	for _, want := range []string{
		`"method":"DELETE"`, `"path":"/monitoring/api/queues/invoices:pause"`, `"status":204`, `"from":"192.0.2.1"`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the log lacks %s: %s", want, text)
		}
	}
}
