package oidc_test

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/oidc"
)

func TestBegin_Address_HasWhatTheProviderNeedsAndNoSecret(t *testing.T) {
	w := newWorld(t, nil)
	to, cookie, err := w.p.Begin(t.Context(), "/open")
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(to)
	q := u.Query()
	if q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || q.Get("scope") != "openid profile" ||
		q.Get("redirect_uri") != returnURL || q.Has("client_secret") || q.Has("code_verifier") {
		t.Errorf("the address is %s, want code, S256, openid and profile, the redirect to %s, no client secret and no verifier",
			to, returnURL)
	}
	body, _, _ := strings.Cut(cookie, ".")
	raw, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil || len(cookie) > 3000 {
		t.Fatalf("the cookie has %d bytes, and decoding it returned %v; want at most 3000 and no error", len(cookie), err)
	}
	for _, secret := range []string{"state", "nonce", "code_challenge"} {
		if strings.Contains(string(raw), q.Get(secret)) {
			t.Errorf("the cookie contains the %s", secret)
		}
	}
	again, other, err := w.p.Begin(t.Context(), "/open")
	v, _ := url.Parse(again)
	for _, part := range []string{"state", "nonce", "code_challenge"} {
		if err != nil || v.Query().Get(part) == q.Get(part) || other == cookie {
			t.Errorf("the second Begin gives the error %v, the same cookie %v, %s %q; want no error, false, and not %q as before",
				err, other == cookie, part, v.Query().Get(part), q.Get(part))
		}
	}
	if _, long, err := w.p.Begin(t.Context(), "/"+strings.Repeat("x", 10_000)); err != nil || len(long) > 1000 {
		t.Errorf("for a long path Begin returned the error %v and a cookie of %d bytes, want none and at most 1000", err, len(long))
	}
}

func TestOpen_AnotherBrowserOrTime_IsRefused(t *testing.T) {
	w := newWorld(t, nil)
	cookie, answer := w.begin()
	others, _ := w.begin()
	if a, err := w.p.Open(cookie, answer); err != nil || a.Next != "/invoices?q=1" || a.ID == "" {
		t.Fatalf("Open returns %+v (error %v), want an attempt with an ID that leads to /invoices?q=1", a, err)
	}
	with := func(name, value string) url.Values {
		v := url.Values{}
		for k := range answer {
			v.Set(k, answer.Get(k))
		}
		v.Set(name, value)
		return v
	}
	forged := base64.RawURLEncoding.EncodeToString([]byte(`{"i":"x","n":"/","b":` + "4102444800" + `}`))
	for name, c := range map[string]struct {
		cookie string
		answer url.Values
		want   oidc.Reason
	}{
		"no cookie":                   {"", answer, oidc.Stale},
		"cookie of another login":     {others, answer, oidc.Stale},
		"cookie without a seal":       {strings.Split(cookie, ".")[0], answer, oidc.Stale},
		"cookie made elsewhere":       {forged + "." + strings.Split(cookie, ".")[1], answer, oidc.Stale},
		"cookie of nonsense":          {"%%%.%%%", answer, oidc.Stale},
		"another state":               {cookie, with("state", "another"), oidc.Stale},
		"no state":                    {cookie, with("state", ""), oidc.Stale},
		"another issuer":              {cookie, with("iss", "https://login.example.com"), oidc.Untrusted},
		"no code":                     {cookie, with("code", ""), oidc.Untrusted},
		"person said no":              {cookie, with("error", "access_denied"), oidc.Denied},
		"provider is busy":            {cookie, with("error", "temporarily_unavailable"), oidc.Unreachable},
		"scope is unknown":            {cookie, with("error", "invalid_scope"), oidc.Setup},
		"error that is not a word":    {cookie, with("error", "\x1b[31m"+strings.Repeat("x", 5000)), oidc.Denied},
		"error without a right state": {others, with("error", "access_denied"), oidc.Stale},
	} {
		_, err := w.p.Open(c.cookie, c.answer)
		w.refused(name, err, c.want, answer.Get("code"))
	}
	for _, d := range []time.Duration{oidc.AttemptTime + 2*time.Second, -2 * time.Minute} {
		w.now = time.Now().Add(d)
		_, err := w.p.Open(cookie, answer)
		w.wantReason(err, oidc.Stale)
	}
}

// A provider whose discovery document says that its answers name the issuer (RFC 9207) must name
// the issuer in each answer.
func TestExchange_IssuerIsLeftOut_IsRefused(t *testing.T) {
	w := newWorld(t, nil)
	w.op.Discovery = func(d map[string]any) { d["authorization_response_iss_parameter_supported"] = true }
	if _, err := w.login(); err != nil {
		t.Errorf("the provider names the issuer, and the login fails: %v", err)
	}
	cookie, answer := w.begin()
	answer.Del("iss")
	_, err := w.finish(cookie, answer)
	w.wantReason(err, oidc.Untrusted)
	w = newWorld(t, nil)
	cookie, answer = w.begin()
	answer.Del("iss")
	if _, err := w.finish(cookie, answer); err != nil {
		t.Errorf("a provider that does not promise the issuer left it out, and the login fails: %v", err)
	}
}

// A worker with another client secret or another client ID does not finish a login that this worker
// began.
func TestOpen_SecretChanged_IsRefused(t *testing.T) {
	w := newWorld(t, nil)
	cookie, answer := w.begin()
	for _, change := range []func(*oidc.Options){
		func(o *oidc.Options) { o.ClientSecret = "new" }, func(o *oidc.Options) { o.ClientID = "new" },
	} {
		other := newWorld(t, func(o *oidc.Options) { o.Issuer = w.op.URL; change(o) })
		_, err := other.p.Open(cookie, answer)
		w.wantReason(err, oidc.Stale)
	}
	same := newWorld(t, func(o *oidc.Options) { o.Issuer = w.op.URL })
	if _, err := same.finish(cookie, answer); err != nil {
		t.Errorf("another worker of the pool does not finish the login: %v", err)
	}
}
