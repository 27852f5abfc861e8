package ksef

import (
	"context"
	"crypto/rsa"
	"errors"
	"sync"
	"time"
)

// DefaultKeyTTL is how long a KeyCache keeps KSeF's public key: an emergency rotation is found by a refused session, an ordinary one by this.
const DefaultKeyTTL = time.Hour

// KeyCache keeps the public key for a bounded time. Any number of callers who need it at once cost one request. Safe for concurrent use.
type KeyCache struct {
	fetch func(context.Context) (*rsa.PublicKey, error)
	ttl   time.Duration
	now   func() time.Time

	mu     sync.Mutex
	key    *rsa.PublicKey
	until  time.Time
	age    int // counts invalidations
	flight *flight
}

// flight is one fetch that others wait for.
type flight struct {
	done chan struct{}
	key  *rsa.PublicKey
	err  error
	age  int
	left bool // its own caller gave up, which says nothing to the others
}

// NewKeyCache keeps what fetch returns, most often Client.PublicKey, for ttl (0: DefaultKeyTTL). now is the clock (nil: time.Now).
func NewKeyCache(fetch func(context.Context) (*rsa.PublicKey, error), ttl time.Duration, now func() time.Time) *KeyCache {
	if ttl <= 0 {
		ttl = DefaultKeyTTL
	}
	if now == nil {
		now = time.Now
	}
	return &KeyCache{fetch: fetch, ttl: ttl, now: now}
}

// Get returns the key, fetching it when there is none or it is too old. A failed fetch is told to everyone who waited for it, so that an outage costs one
// request and not one per caller; it is not remembered. A caller who gives up harms no other.
func (k *KeyCache) Get(ctx context.Context) (*rsa.PublicKey, error) {
	for {
		k.mu.Lock()
		if k.key != nil && k.now().Before(k.until) {
			defer k.mu.Unlock()
			return k.key, nil
		}
		f := k.flight
		if f == nil || f.age != k.age { // a flight from before an Invalidate may bring the old key
			f = &flight{done: make(chan struct{}), age: k.age}
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
		if !f.left {
			return f.key, f.err
		}
	}
}

func (k *KeyCache) fly(ctx context.Context, f *flight) {
	f.err = errors.New("fetch of the public key was abandoned") // stands when fetch panics
	f.left = true
	defer func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.flight == f {
			k.flight = nil
		}
		if f.err == nil && f.age == k.age {
			k.key, k.until = f.key, k.now().Add(k.ttl)
		}
		close(f.done)
	}()
	f.key, f.err = k.fetch(ctx)
	f.left = f.err != nil && ctx.Err() != nil
}

// Invalidate forgets the key: to be called when a session was refused because its key was not decrypted. A fetch under way is not kept either.
func (k *KeyCache) Invalidate() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.key = nil
	k.age++
}
