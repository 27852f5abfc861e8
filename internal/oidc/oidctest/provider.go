// Package oidctest is a provider of logins for tests. A test can make it forge tokens, mix up
// answers, change its keys or go away. By default it is strict. It checks the client, its secret,
// the redirect URL and the code verifier, and that a code is used once. test/oidc tests this
// program against a provider that others wrote.
package oidctest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// The client that the provider knows, and a token that it gives.
const (
	ClientID = "ksef"
	Secret   = "secret of the client"
	// AccessToken is the token that the provider gives in addition to an ID token.
	AccessToken = "an-access-token"
)

// Provider is a provider on this machine. Change its fields only while no request is under way.
type Provider struct {
	URL         string // its issuer
	RedirectURL string // the only one that it redirects to
	Claims      map[string]any
	UserInfo    map[string]any                                // nil: it has no such endpoint
	Change      func(claims map[string]any)                   // changes the claims of an ID token, if set
	Forge       func(claims map[string]any) string            // makes the ID token; nil: it is properly signed
	Discovery   func(map[string]any)                          // changes the discovery document, if set
	Answer      func(http.ResponseWriter, *http.Request) bool // if set, is called first; true: it has answered the request

	t        testing.TB
	server   *httptest.Server
	mu       sync.Mutex
	keys     []Key
	codes    map[string]url.Values
	requests map[string]int
}

// New starts a provider with one RSA key, at which one person can log in.
func New(t testing.TB) *Provider {
	p := &Provider{t: t, keys: []Key{RSA("first")}, codes: map[string]url.Values{}, requests: map[string]int{},
		Claims: map[string]any{"sub": "1234", "preferred_username": "ewa", "groups": []string{"accounting"}}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("GET /keys", p.jwks)
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("GET /userinfo", p.userInfo)
	p.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.requests[r.URL.Path]++
		if p.Answer == nil || !p.Answer(w, r) {
			mux.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(p.server.Close)
	p.URL = p.server.URL
	return p
}

// Requests returns how often a path was asked for.
func (p *Provider) Requests(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.requests[path]
}

// Rotate lets the provider sign with the first of keys from now on, and publish only these keys.
func (p *Provider) Rotate(keys ...Key) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = keys
}

// Login does what a person's browser does. It requests an address and returns where the provider
// redirects to.
func (p *Provider) Login(address string) *url.URL {
	p.t.Helper()
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Get(address)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	to, err := res.Location()
	if err != nil {
		p.t.Fatalf("%s: status %d", address, res.StatusCode)
	}
	return to
}

func write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func (p *Provider) discovery(w http.ResponseWriter, _ *http.Request) {
	d := map[string]any{"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token",
		"jwks_uri": p.URL + "/keys", "end_session_endpoint": p.URL + "/end",
		"id_token_signing_alg_values_supported": []string{"RS256", "ES256", "HS256", "none"},
		"code_challenge_methods_supported":      []string{"S256"}}
	if p.UserInfo != nil {
		d["userinfo_endpoint"] = p.URL + "/userinfo"
	}
	if p.Discovery != nil {
		p.Discovery(d)
	}
	write(w, http.StatusOK, d)
}

func (p *Provider) jwks(w http.ResponseWriter, _ *http.Request) {
	set := jose.JSONWebKeySet{}
	for _, k := range p.keys {
		key := jose.JSONWebKey{Key: k.Private, KeyID: k.ID, Algorithm: string(k.Algorithm), Use: "sig"}
		set.Keys = append(set.Keys, key.Public())
	}
	write(w, http.StatusOK, set)
}

// authorize logs in the one person that the provider knows.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	for name, want := range map[string]string{"client_id": ClientID, "redirect_uri": p.RedirectURL, "response_type": "code",
		"code_challenge_method": "S256"} {
		if q.Get(name) != want {
			http.Error(w, fmt.Sprintf("%s is %q, want %q", name, q.Get(name), want), http.StatusBadRequest)
			return
		}
	}
	if len(q.Get("code_challenge")) != 43 || len(q.Get("state")) < 40 || len(q.Get("nonce")) < 40 ||
		!strings.Contains(" "+q.Get("scope")+" ", " openid ") {
		http.Error(w, "challenge, state, nonce or scope is missing", http.StatusBadRequest)
		return
	}
	code := rand.Text()
	p.codes[code] = q
	http.Redirect(w, r, p.RedirectURL+"?"+url.Values{"code": {code}, "state": {q.Get("state")}, "iss": {p.URL}}.Encode(), http.StatusFound)
}

func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	refuse := func(code string) {
		write(w, http.StatusBadRequest, map[string]string{"error": code, "error_description": r.PostForm.Encode()})
	}
	id, secret, _ := r.BasicAuth()
	if err := r.ParseForm(); err != nil || id != ClientID || secret != url.QueryEscape(Secret) {
		refuse("invalid_client")
		return
	}
	asked, known := p.codes[r.PostForm.Get("code")]
	delete(p.codes, r.PostForm.Get("code"))
	sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	if !known || r.PostForm.Get("grant_type") != "authorization_code" || r.PostForm.Get("redirect_uri") != p.RedirectURL ||
		base64.RawURLEncoding.EncodeToString(sum[:]) != asked.Get("code_challenge") {
		refuse("invalid_grant")
		return
	}
	claims := map[string]any{"iss": p.URL, "aud": ClientID, "nonce": asked.Get("nonce"),
		"iat": time.Now().Unix(), "exp": time.Now().Add(5 * time.Minute).Unix()}
	maps.Copy(claims, p.Claims)
	if p.Change != nil {
		p.Change(claims)
	}
	var token string
	if p.Forge != nil {
		token = p.Forge(claims)
	} else {
		token = p.Sign(p.keys[0], claims)
	}
	write(w, http.StatusOK, map[string]any{"access_token": AccessToken, "token_type": "Bearer", "expires_in": 300, "id_token": token})
}

func (p *Provider) userInfo(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+AccessToken || p.UserInfo == nil {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	write(w, http.StatusOK, p.UserInfo)
}
