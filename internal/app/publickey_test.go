package app

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"testing"

	"ksefworker/internal/redisd/redistest"
)

// After KSeF has changed its key, KSeF refuses a session that a worker opened with the old key.
// Only this worker learns of the change, and usually another worker opens the next session. So
// every worker has to fetch the key again.
func TestPublicKey_OutOfDateInOneProcess_IsFetchedAgainInAll(t *testing.T) {
	first, srv := redistest.New(t)
	second := redistest.Client(t, srv)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	fetched := map[string]int{}
	fetch := func(who string) func(context.Context) (*rsa.PublicKey, error) {
		return func(context.Context) (*rsa.PublicKey, error) { fetched[who]++; return &key.PublicKey, nil }
	}
	one, other := newPublicKey(first, "ksef:", "5265877635", fetch("one")), newPublicKey(second, "ksef:", "5265877635", fetch("other"))
	otherTenant := newPublicKey(second, "ksef:", "1111111111", fetch("otherTenant"))
	get := func(keys ...*publicKey) {
		t.Helper()
		for _, k := range keys {
			for range 3 {
				if _, err := k.PublicKey(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	get(one, other, otherTenant)
	one.Invalidate()
	get(one, other, otherTenant)
	if fetched["other"] != 2 || fetched["one"] < 2 || fetched["otherTenant"] != 1 {
		t.Errorf("the numbers of fetches are %v, want one: at least 2, other: 2, otherTenant: 1", fetched)
	}
	if err := srv.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := one.PublicKey(t.Context()); err == nil {
		t.Error("PublicKey returned a key, want an error: Redis is away, so the key may be out of date")
	}
	one.Invalidate() // must not hang or panic
}
