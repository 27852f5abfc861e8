package oidc_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"ksefworker/internal/oidc"
	"ksefworker/internal/oidc/oidctest"
)

func TestLogin_HonestProvider_NamesThePerson(t *testing.T) {
	for _, key := range []oidctest.Key{oidctest.RSA("r"), oidctest.EC("e")} {
		w := newWorld(t, nil)
		w.op.Rotate(key)
		who, err := w.login()
		if err != nil {
			t.Fatalf("with %s nobody is logged in: %v", key.Algorithm, err)
		}
		if who.Subject != "1234" || who.Name != "ewa" || len(who.Groups) != 1 || who.Groups[0] != "accounting" || !who.Told ||
			time.Until(who.Until) < 4*time.Minute {
			t.Errorf("with %s the person is %+v, want ewa (1234), told to be of accounting, for at least 4 minutes", key.Algorithm, who)
		}
		if w.op.Requests("/userinfo") != 0 {
			t.Error("the login asked /userinfo for what the ID token has")
		}
	}
}

func TestExchange_TokenThatFailsACheck_IsRefused(t *testing.T) {
	set := func(name string, v any) func(map[string]any) { return func(c map[string]any) { c[name] = v } }
	in := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	for name, change := range map[string]func(map[string]any){
		"wrong issuer":              set("iss", "https://login.example.com"),
		"no issuer":                 func(c map[string]any) { delete(c, "iss") },
		"wrong audience":            set("aud", "another client"),
		"no audience":               func(c map[string]any) { delete(c, "aud") },
		"more audiences, no azp":    set("aud", []string{oidctest.ClientID, "another client"}),
		"made for another client":   set("azp", "another client"),
		"expired":                   set("exp", in(-2*time.Minute)),
		"no expiry":                 func(c map[string]any) { delete(c, "exp") },
		"made in the future":        set("iat", in(6*time.Minute)),
		"valid in the future only":  set("nbf", in(10*time.Minute)),
		"nonce of another login":    set("nonce", "another"),
		"no nonce":                  func(c map[string]any) { delete(c, "nonce") },
		"nobody":                    func(c map[string]any) { delete(c, "sub") },
		"claims of the wrong types": set("exp", "tomorrow"),
	} {
		w := newWorld(t, nil)
		w.op.Change = change
		if who, err := w.login(); err == nil {
			t.Errorf("%s: %+v is logged in, want the token refused", name, who)
		} else {
			w.refused(name, err, oidc.Untrusted)
		}
	}
}

func TestExchange_TokenThatIsForged_IsRefused(t *testing.T) {
	w := newWorld(t, nil)
	public := oidctest.RSA("first")
	forged := func(k oidctest.Key) func(map[string]any) string {
		return func(c map[string]any) string { return w.op.Sign(k, c) }
	}
	key := jose.JSONWebKey{Key: public.Private, KeyID: "first"}
	long := []byte(oidctest.Secret + oidctest.Secret)
	published, err := json.Marshal(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	for name, forge := range map[string]func(map[string]any) string{
		"alg none":                      oidctest.Unsigned,
		"signed with the secret":        forged(oidctest.Key{ID: "first", Algorithm: jose.HS256, Private: long}),
		"signed with the published key": forged(oidctest.Key{ID: "first", Algorithm: jose.HS256, Private: published}),
		"unknown key":                   forged(oidctest.EC("unknown")),
		"another key under a known id":  forged(oidctest.EC("first")),
		"another key without an id":     forged(oidctest.EC("")),
		"no JWT":                        func(map[string]any) string { return "no.jwt" },
		"changed claims": func(c map[string]any) string {
			honest := strings.Split(w.op.Sign(public, c), ".")
			c["groups"] = []string{"everything"}
			other := strings.Split(w.op.Sign(public, c), ".")
			return honest[0] + "." + other[1] + "." + honest[2]
		},
	} {
		w.op.Forge = forge
		_, err := w.login()
		w.refused(name, err, oidc.Untrusted)
	}
	w.op.Forge = func(map[string]any) string { return "" }
	_, err = w.login()
	w.wantReason(err, oidc.Setup)
	w.op.Forge = nil
	if _, err := w.login(); err != nil {
		t.Errorf("after the forged tokens, an honest one is refused: %v", err)
	}
}

// A provider changes its keys now and then. A new key is fetched when a token is signed with it for
// the first time. A key that the provider has given up is refused.
func TestKeys_Rotated_NewOneCountsAndOldOneDoesNot(t *testing.T) {
	w := newWorld(t, nil)
	if _, err := w.login(); err != nil {
		t.Fatal(err)
	}
	fetched := w.op.Requests("/keys")
	if _, err := w.login(); err != nil || w.op.Requests("/keys") != fetched {
		t.Errorf("the second login returned %v; the keys were fetched %d more times, want 0", err, w.op.Requests("/keys")-fetched)
	}
	w.op.Rotate(oidctest.EC("second"), oidctest.RSA("third"))
	if _, err := w.login(); err != nil || w.op.Requests("/keys") != fetched+1 {
		t.Errorf("after the rotation the login returned %v; the keys were fetched %d times in all, want one more than before",
			err, w.op.Requests("/keys"))
	}
	w.op.Forge = func(c map[string]any) string { return w.op.Sign(oidctest.RSA("first"), c) }
	_, err := w.login()
	w.wantReason(err, oidc.Untrusted)
}

func TestExchange_ClocksDiffer_ALittleIsAllowed(t *testing.T) {
	w := newWorld(t, nil)
	in := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	for name, change := range map[string]func(map[string]any){
		"provider is behind": func(c map[string]any) { c["exp"] = in(-40 * time.Second) },
		"provider is ahead":  func(c map[string]any) { c["iat"], c["nbf"] = in(2*time.Minute), in(2*time.Minute) },
		"azp is this client": func(c map[string]any) { c["aud"], c["azp"] = []string{"api", oidctest.ClientID}, oidctest.ClientID },
	} {
		w.op.Change = change
		if _, err := w.login(); err != nil {
			t.Errorf("%s: the login is refused: %v", name, err)
		}
	}
}

// The code verifier binds a code to the browser that asked for it.
func TestExchange_CodeOfAnotherLogin_IsRefused(t *testing.T) {
	w := newWorld(t, nil)
	mine, answer := w.begin()
	_, stolen := w.begin()
	answer.Set("code", stolen.Get("code"))
	_, err := w.finish(mine, answer)
	w.wantReason(err, oidc.Stale, stolen.Get("code"))
	_, err = w.finish(mine, answer)
	w.wantReason(err, oidc.Stale, stolen.Get("code"))
}

func TestExchange_TokenEndpointFails_IsToldWithoutItsBody(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		want   oidc.Reason
	}{
		{http.StatusUnauthorized, `{"error":"invalid_client"}`, oidc.Setup},
		{http.StatusUnauthorized, `<html>` + oidctest.Secret, oidc.Setup},
		{http.StatusBadRequest, `{"error":"unauthorized_client"}`, oidc.Setup},
		{http.StatusBadRequest, `{"error":"invalid_grant","error_description":"` + oidctest.Secret + `"}`, oidc.Stale},
		{http.StatusBadRequest, `{"error":"\u001b[31m` + oidctest.Secret + `"}`, oidc.Setup},
		{http.StatusBadGateway, `<html>` + oidctest.Secret + `</html>`, oidc.Unreachable},
		{http.StatusOK, `<html>` + oidctest.Secret + `</html>`, oidc.Unreachable},
		{http.StatusOK, `{"access_token":"an-access-token","id_token":17}`, oidc.Setup},
		{http.StatusFound, ``, oidc.Unreachable},
	} {
		w := newWorld(t, nil)
		cookie, answer := w.begin()
		w.op.Answer = func(out http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != "/token" {
				return false
			}
			out.Header().Set("Content-Type", "application/json")
			out.Header().Set("Location", w.op.URL+"/elsewhere")
			out.WriteHeader(c.status)
			_, _ = out.Write([]byte(c.body))
			return true
		}
		_, err := w.finish(cookie, answer)
		w.wantReason(err, c.want, answer.Get("code"))
		if w.op.Requests("/token") != 1 || w.op.Requests("/elsewhere") != 0 {
			t.Errorf("status %d: the token endpoint was asked %d times, want once, and another address %d times, want never",
				c.status, w.op.Requests("/token"), w.op.Requests("/elsewhere"))
		}
	}
}

func TestExchange_SecretByForm_WhereTheProviderTakesNoOther(t *testing.T) {
	w := newWorld(t, nil)
	w.op.Discovery = func(d map[string]any) { d["token_endpoint_auth_methods_supported"] = []string{"client_secret_post"} }
	var form url.Values
	w.op.Answer = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/token" {
			_ = r.ParseForm()
			form = r.PostForm
			r.SetBasicAuth(form.Get("client_id"), url.QueryEscape(form.Get("client_secret"))) // where the provider of the test looks
		}
		return false
	}
	if _, err := w.login(); err != nil || form.Get("client_secret") != oidctest.Secret || form.Get("client_id") != oidctest.ClientID {
		t.Errorf("the login returns the error %v; the form has ID %q and secret %q, want no error, %q and %q",
			err, form.Get("client_id"), form.Get("client_secret"), oidctest.ClientID, oidctest.Secret)
	}
}
