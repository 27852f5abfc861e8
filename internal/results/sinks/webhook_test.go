package sinks

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"ksefworker/internal/results"
)

const (
	secretA = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	secretB = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDC2FVsBQIhrs="
)

func secretsOf(all ...string) func() ([]string, error) {
	return func() ([]string, error) { return all, nil }
}

// hook starts a server with this handler, and returns a webhook that calls the server.
func hook(t *testing.T, h http.HandlerFunc, change ...func(*WebhookOptions)) *Webhook {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	o := WebhookOptions{URL: s.URL + "/in?token=geheim", Secrets: secretsOf(secretA), AllowPrivate: true, Timeout: 10 * time.Second}
	for _, f := range change {
		f(&o)
	}
	w := NewWebhook(o)
	t.Cleanup(w.Close)
	return w
}

func message(id string) Message {
	return Message{Result: results.Result{ID: id, Revision: 3, State: "accepted"}, JSON: []byte(`{"id":"` + id + `"}`), At: time.Now()}
}

func TestWebhook_Call_IsSignedWithBothSecretsWhileTheyRotate(t *testing.T) {
	var seen atomic.Int32
	w := hook(t, func(rw http.ResponseWriter, r *http.Request) {
		seen.Add(1)
		body, _ := io.ReadAll(r.Body)
		for _, secret := range []string{secretA, secretB} {
			check, err := standardwebhooks.NewWebhook(secret)
			if err == nil {
				err = check.Verify(body, r.Header)
			}
			if err != nil {
				t.Errorf("the signature is not valid: %v", err)
			}
		}
		if r.Header.Get("webhook-id") != "inv-a_3" || r.Header.Get("content-type") != "application/json" ||
			string(body) != `{"id":"inv-a"}` {
			t.Errorf("the call has the headers %v and the body %s, want the id inv-a_3 and the result as JSON", r.Header, body)
		}
		rw.WriteHeader(http.StatusNoContent)
	}, func(o *WebhookOptions) { o.Secrets = secretsOf(secretA, secretB) })
	for range 2 { // a repetition has the same id
		if errs := w.Deliver(t.Context(), []Message{message("inv-a")}); errs[0] != nil {
			t.Error(errs[0])
		}
	}
	if seen.Load() != 2 {
		t.Errorf("the webhook was called %d times, want 2", seen.Load())
	}
}

// The test vector of the libraries of Standard Webhooks.
func TestSign_VectorOfTheLibraries_IsTheSame(t *testing.T) {
	key, err := parseSecret(secretA)
	if err != nil {
		t.Fatal(err)
	}
	got := sign([][]byte{key}, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("the signature is %s, want %s", got, want)
	}
}

func TestWebhook_EachStatus_GivesItsKindOfError(t *testing.T) {
	date := time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
	for what, c := range map[string]struct {
		status      int
		header      [2]string
		out, gone   bool
		after, upTo time.Duration
	}{
		"taken": {status: 201},
		"gone":  {status: 410, gone: true},
		"too many": {
			status: 429, header: [2]string{"Retry-After", "120"}, out: true, after: 2 * time.Minute,
			upTo: 2 * time.Minute,
		},
		"closed until a date": {status: 503, header: [2]string{"Retry-After", date}, out: true, after: 59 * time.Minute, upTo: time.Hour},
		"closed for ever": {
			status: 503, header: [2]string{"Retry-After", "99999999999999999999"}, out: true, after: maxAfter, upTo: maxAfter,
		},
		"broken":               {status: 500, out: true},
		"no key":               {status: 401, out: true},
		"redirect":             {status: 302, header: [2]string{"Location", "/elsewhere"}, out: true},
		"permanent redirect":   {status: 308, header: [2]string{"Location", "http://169.254.169.254/"}, out: true},
		"this result is wrong": {status: 422},
		"a pause of nonsense":  {status: 503, header: [2]string{"Retry-After", "-5 apples"}, out: true},
	} {
		t.Run(what, func(t *testing.T) {
			var calls atomic.Int32
			w := hook(t, func(rw http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				if c.header[0] != "" {
					rw.Header().Set(c.header[0], c.header[1])
				}
				rw.WriteHeader(c.status)
				_, _ = io.WriteString(rw, "because "+strings.Repeat("x", 100_000))
			})
			err := w.Deliver(t.Context(), []Message{message("inv-a")})[0]
			outage, out := errors.AsType[*OutageError](err)
			_, gone := errors.AsType[*GoneError](err)
			if (err == nil) != (c.status < 300) || out != c.out || gone != c.gone || calls.Load() != 1 {
				t.Fatalf("after %d calls Deliver = %v (an outage: %v, gone: %v), want one call and an error: %v (an outage: %v, gone: %v)",
					calls.Load(), err, out, gone, c.status >= 300, c.out, c.gone)
			}
			if out && (outage.After < c.after || outage.After > c.upTo) {
				t.Errorf("the receiver asked for a pause of %v, want %v to %v", outage.After, c.after, c.upTo)
			}
			if err != nil && (!strings.Contains(err.Error(), ": because xx") || len(err.Error()) > 400 ||
				strings.Contains(err.Error(), "geheim")) {
				t.Errorf("the error is %v (%d bytes), want the receiver's words in it, at most 400 bytes and no secret",
					err, len(err.Error()))
			}
		})
	}
}

func TestWebhook_NoAnswerInTime_IsAnOutage(t *testing.T) {
	release := make(chan struct{})
	w := hook(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}, func(o *WebhookOptions) { o.Timeout = 50 * time.Millisecond })
	defer close(release)
	err := w.Deliver(t.Context(), []Message{message("inv-a")})[0]
	if _, out := errors.AsType[*OutageError](err); !out || err.Error() != "no answer in time" {
		t.Errorf("Deliver = %v (%T), want an outage with the text %q", err, err, "no answer in time")
	}
}

func TestWebhook_InnerAddress_IsNotCalledUnlessAllowed(t *testing.T) {
	called := false
	w := hook(t, func(http.ResponseWriter, *http.Request) { called = true }, func(o *WebhookOptions) {
		o.AllowPrivate = false
		o.URL = strings.Replace(o.URL, "127.0.0.1", "localhost", 1) // the name is resolved, and the address is checked
	})
	err := w.Deliver(t.Context(), []Message{message("inv-a")})[0]
	if _, refused := errors.AsType[*addressError](err); !refused || called || strings.Contains(err.Error(), "geheim") {
		t.Errorf("Deliver = %v, want the address refused, without the secret in the text; the receiver was called: %v, want false",
			err, called)
	}
}

func TestCheckAddress_OnlyPublicOnes_UnlessPrivateOnesAreAllowed(t *testing.T) {
	// Which webhooks may call an address: all, only those with AllowPrivate ("allowed"), or none
	// ("nobody").
	for address, want := range map[string]string{
		"8.8.8.8": "all", "2001:4860:4860::8888": "all",
		"127.0.0.1": "allowed", "::1": "allowed", "10.1.2.3": "allowed", "172.16.0.1": "allowed", "192.168.1.1": "allowed",
		"100.64.0.1": "allowed", "fd00::1": "allowed", "::ffff:10.0.0.1": "allowed", "64:ff9b::7f00:1": "allowed",
		"2002:a00:1::1": "allowed", "::10.0.0.1": "allowed", "::ffff:0:10.0.0.1": "allowed", "fec0::1": "allowed",
		"::ffff:127.0.0.1": "allowed",
		"fd00:ec2::254":    "nobody", "fd20:ce::254": "nobody", "168.63.129.16": "nobody", "100.100.100.200": "nobody",
		"::169.254.169.254": "nobody", "::ffff:0:a9fe:a9fe": "nobody", "fe80::1%eth0": "nobody", "::ffff:0:0": "nobody",
		"169.254.169.254": "nobody", "fe80::1": "nobody", "0.0.0.0": "nobody", "::": "nobody", "224.0.0.1": "nobody", "ff02::1": "nobody",
		"255.255.255.255": "nobody", "::ffff:169.254.169.254": "nobody", "64:ff9b::a9fe:a9fe": "nobody",
	} {
		a := netip.MustParseAddr(address)
		got := "nobody"
		switch {
		case checkAddress(a, false) == nil:
			got = "all"
		case checkAddress(a, true) == nil:
			got = "allowed"
		}
		if got != want {
			t.Errorf("%s may be called by %s, want %s", address, got, want)
		}
	}
}

func TestWebhook_BadSecret_CallsNobodyAndTellsNoSecret(t *testing.T) {
	for _, secret := range []string{"geheim", "whsec_???", "whsec_Z2VoZWlt", ""} {
		w := hook(t, func(http.ResponseWriter, *http.Request) { t.Error("the webhook called the receiver") },
			func(o *WebhookOptions) { o.Secrets = secretsOf(secret) })
		err := w.Deliver(t.Context(), []Message{message("inv-a")})[0]
		if _, out := errors.AsType[*OutageError](err); !out || secret != "" && strings.Contains(err.Error(), secret) {
			t.Errorf("Deliver = %v, want an outage without the secret in its text", err)
		}
	}
}

// A webhook fails for a while. The runner delivers every result once the webhook is well again.
func TestRun_WebhookFailsForAWhile_GetsItOnceItIsWell(t *testing.T) {
	w := newWorld(t, 10_000)
	var failing atomic.Bool
	var got atomic.Int32
	failing.Store(true)
	h := hook(t, func(rw http.ResponseWriter, r *http.Request) {
		if failing.Load() {
			rw.WriteHeader(http.StatusBadGateway)
			return
		}
		got.Add(1)
	})
	w.rejected(100)
	r := w.runner(h)
	w.run(r)
	if s := w.state(); s.Outage == 0 || s.Err != "answered 502" {
		t.Errorf("the state is %+v, want an outage with the error answered 502", s)
	}
	failing.Store(false)
	for range 3 {
		w.pass(time.Hour)
		w.run(r)
	}
	if got.Load() != 100 || w.state().Taken != 100 {
		t.Errorf("the webhook got %d results, the state is %+v, want 100 results taken", got.Load(), w.state())
	}
}

func TestStream_Results_AreBoundedAndReadable(t *testing.T) {
	w := newWorld(t, 10_000)
	s := &Stream{Redis: w.rdb, Key: "ksef:results", Length: 100, Keep: time.Hour, Clock: Clock{w.Clock, w.now}}
	for range 20 {
		var batch []Message
		for range 50 {
			batch = append(batch, message("inv-a"))
		}
		if err := errors.Join(s.Deliver(t.Context(), batch)...); err != nil {
			t.Fatal(err)
		}
	}
	if n := w.rdb.XLen(t.Context(), "ksef:results").Val(); n < 100 || n > 300 {
		t.Errorf("the stream holds %d results, want 100 to 300", n)
	}
	last := w.rdb.XRevRangeN(t.Context(), "ksef:results", "+", "-", 1).Val()[0].Values
	if last["id"] != "inv-a" || last["revision"] != "3" || last["state"] != "accepted" || last["result"] != `{"id":"inv-a"}` {
		t.Errorf("the last entry of the stream is %v, want revision 3 of inv-a, accepted, with its result", last)
	}
	w.pass(3 * time.Hour)
	if err := errors.Join(s.Deliver(t.Context(), []Message{message("inv-b")})...); err != nil {
		t.Fatal(err)
	}
	if n := w.rdb.XLen(t.Context(), "ksef:results").Val(); n > 101 { // Redis trims whole nodes only
		t.Errorf("the stream holds %d results, want at most 101, because the others are too old", n)
	}
}

func TestStream_NoResultsCome_OldOnesGoAllTheSame(t *testing.T) {
	w := newWorld(t, 10_000)
	s := &Stream{Redis: w.rdb, Key: "ksef:results", Length: 100, Keep: time.Hour, Clock: Clock{w.Clock, w.now}}
	w.must(s.Trim(t.Context())) // there is no stream yet
	w.must(errors.Join(s.Deliver(t.Context(), []Message{message("inv-a"), message("inv-b")})...))
	w.must(s.Trim(t.Context()))
	if n := w.rdb.XLen(t.Context(), "ksef:results").Val(); n != 2 {
		t.Errorf("the stream holds %d results before they are too old, want both", n)
	}
	w.pass(2 * time.Hour)
	w.must(s.Trim(t.Context()))
	if n := w.rdb.XLen(t.Context(), "ksef:results").Val(); n != 0 {
		t.Errorf("the stream holds %d results that are too old, want none", n)
	}
}

func TestStream_RedisIsFull_SaysSoAndGoesOnAfterwards(t *testing.T) {
	w := newWorld(t, 10_000)
	s := &Stream{Redis: w.rdb, Key: "ksef:results", Length: 100, Keep: time.Hour, Clock: Clock{w.Clock, w.now}}
	batch := []Message{message("inv-a"), message("inv-b")}
	w.must(errors.Join(s.Deliver(t.Context(), batch)...))
	w.must(w.rdb.ConfigSet(t.Context(), "maxmemory", "1mb").Err())
	for _, err := range s.Deliver(t.Context(), batch) {
		if _, out := errors.AsType[*OutageError](err); !out || !strings.Contains(err.Error(), "redis is full (maxmemory)") {
			t.Errorf("Deliver = %v, want an outage because Redis is full", err)
		}
	}
	w.must(w.rdb.ConfigSet(t.Context(), "maxmemory", "0").Err())
	w.must(errors.Join(s.Deliver(t.Context(), batch)...))
	if n := w.rdb.XLen(t.Context(), s.Key).Val(); n != 4 {
		t.Errorf("the stream holds %d results, want 4: those of the first and the last batch", n)
	}
}

func TestFolder_ByInvoice_HasTheNewestResultOfEach(t *testing.T) {
	f := &Folder{Dir: filepath.Join(t.TempDir(), "results")}
	put := func(revision int64, text string) {
		t.Helper()
		m := Message{Result: results.Result{ID: "inv-a", Revision: revision}, JSON: []byte(`{"id":"inv-a","revision":` + text + `}`)}
		if err := errors.Join(f.Deliver(t.Context(), []Message{m})...); err != nil {
			t.Fatal(err)
		}
	}
	put(2, "2")
	writer := filepath.Join(f.Dir, tempPrefix+"inv-b.json") // a process that was killed left this file
	if err := os.WriteFile(writer, []byte(`{"id":`), 0o600); err != nil {
		t.Fatal(err)
	}
	put(3, "3")
	put(2, "2") // a process that was suspended wakes up, and writes an old revision
	raw, err := os.ReadFile(filepath.Join(f.Dir, "inv-a.json"))
	if err != nil || string(raw) != "{\n  \"id\": \"inv-a\",\n  \"revision\": 3\n}\n" {
		t.Errorf("the file of the invoice is %s (error %v), want revision 3", raw, err)
	}
	if entries, _ := os.ReadDir(f.Dir); len(entries) != 2 || entries[0].Name() != lockName {
		t.Errorf("the folder has %v, want the lock and the file of the invoice", entries)
	}
	bad := Message{Result: results.Result{ID: "../inv-a"}, JSON: []byte(`{}`)}
	if err := f.Deliver(t.Context(), []Message{bad})[0]; err == nil {
		t.Error("Deliver took a result whose id leads out of the folder, want an error")
	}
}

func TestFolder_ByDay_WriterKilledInALine_LosesAndDoublesNone(t *testing.T) {
	f := &Folder{Dir: t.TempDir(), ByDay: true, Zone: time.UTC}
	at := time.Date(2026, 11, 26, 23, 59, 0, 0, time.UTC)
	put := func(id string, at time.Time) {
		t.Helper()
		m := message(id)
		m.At = at
		if err := errors.Join(f.Deliver(t.Context(), []Message{m})...); err != nil {
			t.Fatal(err)
		}
	}
	put("inv-a", at)
	path := filepath.Join(f.Dir, "results-2026-11-26.ndjson")
	half, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = half.WriteString(`{"id":"inv-`)
		err = errors.Join(err, half.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	put("inv-b", at) // the result of the half line was not recorded as told, so it comes again
	put("inv-c", at.Add(time.Hour))
	raw, err := os.ReadFile(path)
	if err != nil || string(raw) != "{\"id\":\"inv-a\"}\n{\"id\":\"inv-b\"}\n" {
		t.Errorf("the file of the day is %s (error %v), want the two results of this day", raw, err)
	}
	if raw, err = os.ReadFile(filepath.Join(f.Dir, "results-2026-11-27.ndjson")); err != nil || string(raw) != "{\"id\":\"inv-c\"}\n" {
		t.Errorf("the file of the next day is %s (error %v), want the result of that day", raw, err)
	}
}

func TestFolder_CannotBeWritten_IsAnOutage(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, byDay := range []bool{false, true} {
		f := &Folder{Dir: filepath.Join(file, "results"), ByDay: byDay, Zone: time.UTC}
		if _, out := errors.AsType[*OutageError](f.Deliver(t.Context(), []Message{message("inv-a")})[0]); !out {
			t.Error("Deliver gives no outage when its folder cannot be made")
		}
	}
}
