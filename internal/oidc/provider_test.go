package oidc_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"ksefworker/internal/oidc"
)

func TestProvider_GoesAwayAndComesBack_IsToldOnce(t *testing.T) {
	w := newWorld(t, nil)
	w.now = time.Now()
	down := func(out http.ResponseWriter, _ *http.Request) bool {
		out.WriteHeader(http.StatusBadGateway)
		return true
	}
	w.op.Answer = down
	const path = "/.well-known/openid-configuration"
	w.wantReason(w.p.Reach(t.Context()), oidc.Unreachable)
	for range 20 {
		w.wantReason(w.p.Reach(t.Context()), oidc.Unreachable)
	}
	if n := w.op.Requests(path); n != 1 {
		t.Errorf("the provider was asked %d times within a moment, want once", n)
	}
	for range 30 { // some five minutes
		w.now = w.now.Add(11 * time.Second)
		w.wantReason(w.p.Reach(t.Context()), oidc.Unreachable)
	}
	if n := strings.Count(w.log.String(), "nobody can log in"); n != 1 || w.op.Requests(path) != 31 {
		t.Errorf("the outage was logged %d times (want once), the provider asked %d times (want 31):\n%s", n, w.op.Requests(path), w.log)
	}
	w.now = w.now.Add(time.Hour)
	w.wantReason(w.p.Reach(t.Context()), oidc.Unreachable)
	if n := strings.Count(w.log.String(), "nobody can log in"); n != 2 {
		t.Errorf("after an hour the outage was logged %d times, want twice", n)
	}
	w.op.Answer = nil
	w.wantReason(w.p.Reach(t.Context()), oidc.Unreachable)
	w.now = w.now.Add(11 * time.Second)
	if err := w.p.Reach(t.Context()); err != nil || strings.Count(w.log.String(), "answers again") != 1 {
		t.Errorf("when the provider is back, Reach returns %v, want no error and one line in the log that says so:\n%s", err, w.log)
	}
	asked := w.op.Requests(path)
	for range 20 {
		if err := w.p.Reach(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if w.op.Requests(path) != asked {
		t.Errorf("20 calls of Reach sent %d requests, want none", w.op.Requests(path)-asked)
	}
	w.now = w.now.Add(2 * time.Minute)
	w.op.Answer = down
	_, _, err := w.p.Begin(t.Context(), "/")
	w.wantReason(err, oidc.Unreachable)
}

// A login that was begun is finished although the provider's discovery fails meanwhile.
func TestProvider_DiscoveryFailsDuringALogin_LoginGoesOn(t *testing.T) {
	w := newWorld(t, nil)
	w.now = time.Now()
	cookie, answer := w.begin()
	w.op.Answer = func(out http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.URL.Path, "/.well-known") {
			return false
		}
		out.WriteHeader(http.StatusBadGateway)
		return true
	}
	w.now = w.now.Add(90 * time.Second)
	w.wantReason(w.p.Reach(t.Context()), oidc.Unreachable)
	if _, err := w.finish(cookie, answer); err != nil {
		t.Errorf("the login that was begun before is not finished: %v", err)
	}
}

func TestProvider_ManyAtOnce_AskOnce(t *testing.T) {
	w := newWorld(t, nil)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if err := w.p.Reach(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := w.op.Requests("/.well-known/openid-configuration"); n != 1 {
		t.Errorf("the provider was asked %d times, want once", n)
	}
}

func TestProvider_SickAnswers_AreBounded(t *testing.T) {
	huge := strings.Repeat("x", 64<<10)
	release := make(chan struct{})
	for name, answer := range map[string]http.HandlerFunc{
		"HTML":         func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>" + huge)) },
		"no object":    func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("[]")) },
		"empty object": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) },
		"500 with a text": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = w.Write([]byte(huge))
		},
		"redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
		"2 MiB": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"x":"`))
			for range 32 {
				_, _ = w.Write([]byte(huge))
			}
			_, _ = w.Write([]byte(`"}`))
		},
		"silence": func(http.ResponseWriter, *http.Request) {
			<-release
		},
	} {
		w := newWorld(t, nil)
		w.op.Answer = func(out http.ResponseWriter, r *http.Request) bool { answer(out, r); return true }
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		if name == "silence" {
			cancel()
			ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
			t.Cleanup(func() { close(release) }) // this runs before the provider's server is closed
		}
		err := w.p.Reach(ctx)
		cancel()
		want := oidc.Unreachable
		if name == "empty object" {
			want = oidc.Setup // the document names no issuer
		}
		w.refused(name, err, want)
		if name != "silence" && w.op.Requests("/elsewhere") != 0 {
			t.Errorf("%s: the redirect was followed", name)
		}
		if name == "2 MiB" && !strings.Contains(err.Error(), "1 MiB") {
			t.Errorf("%s: the error is %v, want one that names the bound of 1 MiB", name, err)
		}
	}
}

func TestDiscovery_WithWhichNobodyCanLogInSafely_IsRefusedWithAReason(t *testing.T) {
	for words, change := range map[string]func(map[string]any){
		"must be exactly that":            func(d map[string]any) { d["issuer"] = "https://login.example.com/" },
		"http://login.example.com is not": func(d map[string]any) { d["token_endpoint"] = "http://login.example.com/token" },
		"authorization_endpoint":          func(d map[string]any) { d["authorization_endpoint"] = "javascript:alert(1)" },
		"jwks_uri: is missing":            func(d map[string]any) { delete(d, "jwks_uri") },
		"has no S256":                     func(d map[string]any) { d["code_challenge_methods_supported"] = []string{"plain"} },
		"client_secret_post": func(d map[string]any) {
			d["token_endpoint_auth_methods_supported"] = []string{"private_key_jwt"}
		},
	} {
		w := newWorld(t, nil)
		w.op.Discovery = change
		err := w.p.Reach(t.Context())
		w.wantReason(err, oidc.Setup)
		if err != nil && !strings.Contains(err.Error(), words) {
			t.Errorf("the error is %v, want %q in it", err, words)
		}
	}
}

func TestLogoutURL_HasNoTokenInIt(t *testing.T) {
	w := newWorld(t, func(o *oidc.Options) { o.LoggedOutURL = "https://ksef.example.com/login" })
	if got := w.p.LogoutURL(); got != "" {
		t.Errorf("before the provider was asked, the logout leads to %s, want nowhere", got)
	}
	if _, err := w.login(); err != nil {
		t.Fatal(err)
	}
	want := w.op.URL + "/end?client_id=ksef&post_logout_redirect_uri=https%3A%2F%2Fksef.example.com%2Flogin"
	if got := w.p.LogoutURL(); got != want {
		t.Errorf("the logout leads to %s, want %s", got, want)
	}
	for _, none := range []string{"", "http://login.example.com/end", "javascript:alert(1)"} {
		w := newWorld(t, nil)
		w.op.Discovery = func(d map[string]any) { d["end_session_endpoint"] = none }
		if err := w.p.Reach(t.Context()); err != nil || w.p.LogoutURL() != "" {
			t.Errorf("with the address %q Reach returns %v and the logout leads to %q, want no error and nowhere",
				none, err, w.p.LogoutURL())
		}
	}
}
