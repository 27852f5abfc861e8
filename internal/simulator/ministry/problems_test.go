package ministry

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/simulator"
)

func TestProblems_BothForms_ComeAsTheClientAsks(t *testing.T) {
	r := newRig(t, Options{}).loggedIn(nipA)
	old := r.get("/sessions/short")
	if old.header.Get("Content-Type") != jsonType || !strings.Contains(string(old.body), `"exceptionCode":21405`) ||
		strings.Contains(string(old.body), `"errors"`) {
		t.Errorf("the error in the old form has the type %s and the body %s, want exceptionCode 21405 and no list of errors",
			old.header.Get("Content-Type"), old.body)
	}
	r.header.Set("X-Error-Format", "problem-details")
	a := r.get("/sessions/short")
	var p struct {
		Title    string         `json:"title"`
		Status   int            `json:"status"`
		Instance string         `json:"instance"`
		TraceID  string         `json:"traceId"`
		Errors   []problemError `json:"errors"`
		At       time.Time      `json:"timestamp"`
	}
	r.ok(a, http.StatusBadRequest, &p)
	if a.header.Get("Content-Type") != "application/problem+json" || p.Title != "Bad Request" || p.Status != 400 ||
		p.Instance != "/v2/sessions/short" ||
		len(p.TraceID) != 32 || len(p.Errors) != 1 || p.At.IsZero() {
		t.Errorf("the answer with the headers %s is %+v, want a problem document with one error", a.header, p)
	}
	for _, format := range []string{"", "problem-details"} {
		r.header.Set("X-Error-Format", format)
		if a := r.with("").get("/rate-limits"); a.status != http.StatusUnauthorized ||
			a.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("with X-Error-Format %q a request without a token got HTTP %d of type %s, want 401 as a problem document",
				format, a.status, a.header.Get("Content-Type"))
		}
		r.inject(simulator.Fault{On: simulator.OpRateLimits, Kind: simulator.TooMany, For: time.Second})
		want := map[string]string{"": `"status":{"code":429`, "problem-details": `"title":"Too Many Requests"`}[format]
		if a := r.get("/rate-limits"); a.status != http.StatusTooManyRequests || !strings.Contains(string(a.body), want) {
			t.Errorf("with X-Error-Format %q a request beyond the limit got HTTP %d %s, want 429 with %s", format, a.status, a.body, want)
		}
		r.clock.add(time.Second)
	}
}

func TestProblems_UnknownPathsAndMethods_AreRefused(t *testing.T) {
	r := newRig(t, Options{}).loggedIn(nipA)
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{http.MethodGet, "/v2/nothing", http.StatusNotFound}, {http.MethodGet, "/sessions", http.StatusNotFound},
		{http.MethodGet, "/api/v2/sessions", http.StatusNotFound}, {http.MethodPut, "/v2/sessions", http.StatusMethodNotAllowed},
		{http.MethodGet, "/v2/auth/challenge/x", http.StatusNotFound},
		{http.MethodGet, "/v2/sessions/online/x/close", http.StatusMethodNotAllowed},
	} {
		if a := r.do(c.method, c.path, "", nil); a.status != c.status {
			t.Errorf("the request %s %s got HTTP %d, want %d", c.method, c.path, a.status, c.status)
		}
	}
	if a := r.do(http.MethodPost, "/v2/sessions/online", "text/plain", []byte("{}")); a.status != http.StatusUnsupportedMediaType {
		t.Errorf("an open whose body is of another type got HTTP %d, want 415", a.status)
	}
	r.header["Authorization"] = []string{"bearer x"}
	if a := r.with("").get("/rate-limits"); a.status != http.StatusUnauthorized {
		t.Errorf("a request with the scheme in small letters got HTTP %d, want 401", a.status)
	}
}

func TestProblems_TestWarning_IsEchoed(t *testing.T) {
	r := newRig(t, Options{})
	r.header.Set("X-Test-System-Warning", "[xml-001]: uwaga")
	if a := r.get("/security/public-key-certificates"); a.header.Get("X-System-Warning") != "[xml-001]: uwaga" {
		t.Errorf("the answer has the headers %v, want the warning that the request asked for", a.header)
	}
}

// New fields and values come now and then if they were ordered, and otherwise never.
func TestNovelty_Ordered_BringsFieldsAndValuesThatNobodyKnows(t *testing.T) {
	for novelty, want := range map[float64]bool{0: false, 1: true} {
		r := newRig(t, Options{Novelty: novelty}).loggedIn(nipA)
		fields, values, usages := 0, 0, 0
		for range 60 {
			var answer map[string]json.RawMessage
			r.ok(r.get("/rate-limits"), http.StatusOK, &answer)
			if _, there := answer["dodaneWNowszejWersji"]; there {
				fields++
			}
			var logins struct {
				Items []loginState `json:"items"`
			}
			r.ok(r.get("/auth/sessions"), http.StatusOK, &logins)
			if logins.Items[0].Method != "QualifiedSeal" || logins.Items[0].Info.Category != "XadesSignature" {
				values++
			}
			var keys []publicKey
			r.ok(r.get("/security/public-key-certificates"), http.StatusOK, &keys)
			usages += len(keys) - 2
		}
		if (fields > 0) != want || (values > 0) != want || (usages > 0) != want {
			t.Errorf("with Novelty %v the answers had %d unknown fields, %d unknown values and %d unknown keys, want some of each: %v",
				novelty, fields, values, usages, want)
		}
	}
}

func TestOptions_NotValid_AreRefused(t *testing.T) {
	sim, err := simulator.New(simulator.Options{KeyBits: 1024, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sim.Close() }()
	for name, o := range map[string]Options{
		"a negative delay":                   {LoginDelay: -1},
		"a novelty above 1":                  {Novelty: 2},
		"a token without secret":             {Tokens: []Token{{NIP: nipA}}},
		"a token whose NIP is invalid":       {Tokens: []Token{{NIP: "1", Secret: "x"}}},
		"a token with an unknown permission": {Tokens: []Token{{NIP: nipA, Secret: "x", Permissions: []string{"Everything"}}}},
		"limits for an unknown group":        {Allowances: []Allowance{{NIP: nipA, Group: "sends"}}},
		"a token with a line break":          {Tokens: []Token{{NIP: nipA, Secret: "x\n"}}},
	} {
		if _, err := New(sim, o); err == nil {
			t.Errorf("New accepted options with %s", name)
		}
	}
}
