package gateway_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/gateway"
)

const (
	keyID  = "test_id"
	secret = "test_key-5f1c9a"
)

// rsaKey is made once, because making 2048 bits takes a noticeable part of a second under -race.
var rsaKey = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })

// rsaOpen opens an EncryptionInfo as KSeF does.
func rsaOpen(i ksef.EncryptionInfo) (key, iv []byte) {
	return must(rsa.DecryptOAEP(sha256.New(), nil, rsaKey(), i.EncryptedKey, nil)), i.InitVector
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func publicDER(tb testing.TB) []byte {
	tb.Helper()
	der, err := x509.MarshalPKIXPublicKey(&rsaKey().PublicKey)
	if err != nil {
		tb.Fatal(err)
	}
	return der
}

func b64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

func options(url string) gateway.Options {
	return gateway.Options{BaseURL: url, KeyID: keyID, Key: func() (string, error) { return secret, nil }, App: "erp/2.1"}
}

// serve starts a server and a client of it. change may alter the options.
func serve(tb testing.TB, h http.Handler, change ...func(*gateway.Options)) (*gateway.Client, *httptest.Server) {
	tb.Helper()
	srv := httptest.NewServer(h)
	tb.Cleanup(srv.Close)
	return dial(tb, srv.URL, change...), srv
}

func dial(tb testing.TB, url string, change ...func(*gateway.Options)) *gateway.Client {
	tb.Helper()
	o := options(url)
	for _, f := range change {
		f(&o)
	}
	c, err := gateway.New(o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.CloseIdleConnections)
	return c
}

// seen is a request as the server got it.
type seen struct {
	method, path, query string
	header              http.Header
	body                []byte
	length              int64
	chunked             bool
}

// recorder gives every request the same answer and records the requests.
type recorder struct {
	status int
	header http.Header
	body   []byte

	mu   sync.Mutex
	reqs []seen
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	r.mu.Lock()
	r.reqs = append(r.reqs, seen{
		method: req.Method, path: req.URL.EscapedPath(), query: req.URL.RawQuery, header: req.Header.Clone(), body: body,
		length: req.ContentLength, chunked: len(req.TransferEncoding) > 0,
	})
	r.mu.Unlock()
	for name, values := range r.header {
		w.Header()[name] = values
	}
	w.WriteHeader(r.status)
	_, _ = w.Write(r.body)
}

func (r *recorder) all() []seen {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]seen(nil), r.reqs...)
}

func answers(status int, contentType, body string) *recorder {
	return &recorder{status: status, header: http.Header{"Content-Type": {contentType}}, body: []byte(body)}
}

func apiError(tb testing.TB, err error) *ksef.APIError {
	tb.Helper()
	var e *ksef.APIError
	if !errors.As(err, &e) {
		tb.Fatalf("error is %T (%v), want *ksef.APIError", err, err)
	}
	return e
}

func sessionKey(tb testing.TB) ksef.SessionKey {
	tb.Helper()
	key, err := ksef.NewSessionKey()
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

func opener(b []byte) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }
}

func soon(tb testing.TB) context.Context {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	tb.Cleanup(cancel)
	return ctx
}
