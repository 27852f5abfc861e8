package ksef

import (
	"context"
	"crypto/rsa"
	"errors"
	"sync"
	"time"
)

// defaultKeyTTL is how long a KeyCache keeps KSeF's public key. An ordinary change of the key is
// noticed within this time. A change in an emergency is noticed when KSeF refuses to open a
// session.
const defaultKeyTTL = time.Hour

// KeyCache keeps the public key for a bounded time. It makes one request, however many callers need
// the key at once. Safe for concurrent use.
type KeyCache struct {
	fetch func(context.Context) (*rsa.PublicKey, error)
	ttl   time.Duration
	now   func() time.Time

	mu     sync.Mutex
	key    *rsa.PublicKey
	until  time.Time
	epoch  int // counts invalidations
	flight *flight
}

// flight is one fetch that others wait for.
type flight struct {
	done      chan struct{}
	key       *rsa.PublicKey
	err       error
	epoch     int
	abandoned bool // its own caller gave up, which means nothing for the others
}

// NewKeyCache returns a cache that keeps the key from fetch, usually a client's PublicKey, for ttl.
// A ttl of 0 means defaultKeyTTL. now is the clock; nil means time.Now.
func NewKeyCache(fetch func(context.Context) (*rsa.PublicKey, error), ttl time.Duration, now func() time.Time) *KeyCache {
	if ttl <= 0 {
		ttl = defaultKeyTTL
	}
	if now == nil {
		now = time.Now
	}
	return &KeyCache{fetch: fetch, ttl: ttl, now: now}
}

// Get returns the key and fetches it when there is none or it is too old. Every caller who waited
// for a failed fetch gets its error, so an outage costs one request for all of them. The error is
// not remembered. If the caller that is fetching gives up, one of the others fetches instead.
func (k *KeyCache) Get(ctx context.Context) (*rsa.PublicKey, error) {
	for {
		k.mu.Lock()
		if k.key != nil && k.now().Before(k.until) {
			defer k.mu.Unlock()
			return k.key, nil
		}
		f := k.flight
		if f == nil || f.epoch != k.epoch { // a flight from before an Invalidate may bring the old key
			f = &flight{done: make(chan struct{}), epoch: k.epoch}
			k.flight = f
			k.mu.Unlock()
			k.fly(ctx, f)
			return f.key, f.err
		}
		k.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-f.done:
		}
		if !f.abandoned {
			return f.key, f.err
		}
	}
}

func (k *KeyCache) fly(ctx context.Context, f *flight) {
	f.err = errors.New("fetch of the public key was abandoned") // stays when fetch panics
	f.abandoned = true
	defer func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.flight == f {
			k.flight = nil
		}
		if f.err == nil && f.epoch == k.epoch {
			k.key, k.until = f.key, k.now().Add(k.ttl)
		}
		close(f.done)
	}()
	f.key, f.err = k.fetch(ctx)
	f.abandoned = f.err != nil && ctx.Err() != nil
}

// Invalidate forgets the key. Call it when KSeF refused a session because it could not decrypt the
// session's key. The result of a fetch under way is not kept either.
func (k *KeyCache) Invalidate() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.key = nil
	k.epoch++
}
