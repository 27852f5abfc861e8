package direct

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"ksefworker/internal/ksef"
)

var (
	now = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	ctx = context.Background()
)

// rsaKey is made once, because making 2048 bits takes a noticeable part of a second under -race.
var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

func certificateDER(tb testing.TB) []byte {
	tb.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "KSeF"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &rsaKey().PublicKey, rsaKey())
	if err != nil {
		tb.Fatal(err)
	}
	return der
}

func b64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// seen is a request as the server got it.
type seen struct {
	method, target string
	header         http.Header
	body           []byte
}

// script is a server that answers each request with the next reply of a list. It repeats the last
// reply forever.
type script struct {
	mu      sync.Mutex
	answers []reply
	reqs    []seen
}

type reply struct {
	status int
	body   string
	header map[string]string
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.reqs = append(s.reqs, seen{r.Method, r.URL.RequestURI(), r.Header.Clone(), body})
	next := s.answers[0]
	if len(s.answers) > 1 {
		s.answers = s.answers[1:]
	}
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	for name, value := range next.header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(next.status)
	_, _ = io.WriteString(w, next.body)
}

func (s *script) requests() []seen {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytesClone(s.reqs)
}

func bytesClone(s []seen) []seen { return append([]seen(nil), s...) }

func (s seen) json(t *testing.T) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.NewDecoder(bytes.NewReader(s.body)).Decode(&m); err != nil {
		t.Fatalf("cannot read the body of %s %s: %v in %q", s.method, s.target, err, s.body)
	}
	return m
}

// issued gives out tokens of a list, and notes those that were refused or denied. It goes on to the
// next token when one is refused.
type issued struct {
	mu      sync.Mutex
	tokens  []string
	refused []string
	denied  []string
	err     error
}

func (i *issued) Access(context.Context) (Secret, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return NewSecret(i.tokens[0]), i.err
}

func (i *issued) Refused(token Secret) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.refused = append(i.refused, token.Reveal())
	if len(i.tokens) > 1 {
		i.tokens = i.tokens[1:]
	}
}

func (i *issued) Denied(token Secret) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.denied = append(i.denied, token.Reveal())
}

const jwt = "eyJhbGciOiJub25lIn0.access-token-of-the-test.x"

// serve starts a scripted server and returns an API at its address.
func serve(t *testing.T, answers ...reply) (*API, *script) {
	t.Helper()
	s := &script{answers: answers}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	api, err := New(Options{BaseURL: srv.URL + "/v2", App: "erp/2.1", Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(api.CloseIdleConnections)
	return api, s
}

func sender(t *testing.T, answers ...reply) (*Client, *script) {
	t.Helper()
	api, s := serve(t, answers...)
	return api.Sender(&issued{tokens: []string{jwt}}, nil), s
}

func ok(body string) reply { return reply{status: 200, body: body} }

func problem(status, code int) reply {
	raw, _ := json.Marshal(map[string]any{"title": "Bad Request", "status": status, "detail": "Żądanie jest nieprawidłowe.",
		"traceId": "673843e0",
		"errors":  []any{map[string]any{"code": code, "description": "Opis", "details": []string{"szczegół"}}}})
	return reply{status: status, body: string(raw), header: map[string]string{"Content-Type": "application/problem+json"}}
}

func apiError(t *testing.T, err error) *ksef.APIError {
	t.Helper()
	e, isAPI := errors.AsType[*ksef.APIError](err)
	if !isAPI {
		t.Fatalf("the error is a %T, %v, want an *APIError", err, err)
	}
	return e
}

func encryption(t *testing.T) (ksef.SessionKey, ksef.EncryptionInfo) {
	t.Helper()
	key, err := ksef.NewSessionKey()
	if err != nil {
		t.Fatal(err)
	}
	info, err := key.Info(&rsaKey().PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return key, info
}
