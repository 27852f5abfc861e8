package ksef_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"sync"
	"testing"

	"ksefworker/internal/ksef"
)

var plain = []byte("<Faktura/>")

// rsaKey is made once, because making 2048 bits takes a noticeable part of a second under -race.
var rsaKey = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })

// rsaOpen opens an EncryptionInfo as KSeF does.
func rsaOpen(i ksef.EncryptionInfo) (key, iv []byte) {
	return must(rsa.DecryptOAEP(sha256.New(), nil, rsaKey(), i.EncryptedKey, nil)), i.InitVector
}

func sessionKey(tb testing.TB) ksef.SessionKey {
	tb.Helper()
	return must(ksef.NewSessionKey())
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func b64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

type failingWriter struct {
	left int
	err  error
}

func (f *failingWriter) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, f.err
	}
	return len(p), nil
}
