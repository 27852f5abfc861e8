package oidc_test

import (
	"bytes"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"ksefworker/internal/oidc"
	"ksefworker/internal/oidc/oidctest"
)

const returnURL = "http://127.0.0.1:9/login/oidc/callback"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a provider and a client of it. The test sets the client's clock.
type world struct {
	*testing.T
	op  *oidctest.Provider
	p   *oidc.Provider
	log *bytes.Buffer
	now time.Time // the zero value is the real time
}

func newWorld(t *testing.T, change func(*oidc.Options)) *world {
	w := &world{T: t, op: oidctest.New(t), log: &bytes.Buffer{}}
	w.op.RedirectURL = returnURL
	o := oidc.Options{Issuer: w.op.URL, ClientID: oidctest.ClientID, ClientSecret: oidctest.Secret, RedirectURL: returnURL,
		Scopes: []string{"profile"}, GroupsClaim: "groups", Now: w.clock, Log: zerolog.New(w.log)}
	if change != nil {
		change(&o)
	}
	w.p = oidc.New(o)
	t.Cleanup(w.p.Close)
	return w
}

func (w *world) clock() time.Time {
	if w.now.IsZero() {
		return time.Now()
	}
	return w.now
}

// begin begins a login and lets the person log in at the provider.
func (w *world) begin() (cookie string, answer url.Values) {
	w.Helper()
	to, cookie, err := w.p.Begin(w.Context(), "/invoices?q=1")
	if err != nil {
		w.Fatal(err)
	}
	return cookie, w.op.Login(to).Query()
}

// finish ends a login.
func (w *world) finish(cookie string, answer url.Values) (oidc.Person, error) {
	a, err := w.p.Open(cookie, answer)
	if err != nil {
		return oidc.Person{}, err
	}
	return w.p.Exchange(w.Context(), a, answer)
}

// login begins and finishes a login.
func (w *world) login() (oidc.Person, error) {
	w.Helper()
	return w.finish(w.begin())
}

// wantReason checks why something was refused, and that the text for the log has no secret in it.
func (w *world) wantReason(err error, want oidc.Reason, secrets ...string) {
	w.Helper()
	why, ok := errors.AsType[*oidc.Error](err)
	if !ok || why.Reason != want {
		w.Errorf("error %v, want the reason %s", err, want)
		return
	}
	for _, s := range append(secrets, oidctest.Secret, url.QueryEscape(oidctest.Secret), oidctest.AccessToken) {
		if s != "" && strings.Contains(err.Error(), s) {
			w.Errorf("the error has %q in it: %v", s, err)
		}
	}
	if len(err.Error()) > 600 || strings.ContainsAny(err.Error(), "\r\n\x1b") {
		w.Errorf("the error is not one line of a log: %q", err)
	}
}

// refused is wantReason in a subtest that is called name.
func (w *world) refused(name string, err error, want oidc.Reason, secrets ...string) {
	w.Helper()
	w.Run(name, func(t *testing.T) {
		sub := *w
		sub.T = t
		sub.wantReason(err, want, secrets...)
	})
}
