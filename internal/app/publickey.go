package app

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"ksefworker/internal/ksef"
)

// publicKey caches KSeF's public key for one tenant, until any process of the pool finds that the
// key is out of date. It is not enough that one process forgets the key. One worker learns from a
// refused session that the key has changed, but usually another worker opens the next session. Each
// outdated copy would cost the same invoices another refusal, until they count as poisonous and are
// parked. Safe for concurrent use.
type publicKey struct {
	cache *ksef.KeyCache
	rdb   redis.UniversalClient
	name  string // of the counter in Redis: how often the key was found out of date

	mu   sync.Mutex
	seen string // the counter when this process last forgot the key
}

func newPublicKey(
	rdb redis.UniversalClient, prefix, tenant string, fetch func(context.Context) (*rsa.PublicKey, error),
) *publicKey {
	return &publicKey{cache: ksef.NewKeyCache(fetch, 0, nil), rdb: rdb, name: prefix + "publickey:" + tenant}
}

// PublicKey returns the key from memory while it is fresh, and otherwise fetches it. Each call
// reads the counter in Redis; without Redis it fails.
func (k *publicKey) PublicKey(ctx context.Context) (*rsa.PublicKey, error) {
	count, err := k.rdb.Get(ctx, k.name).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("check whether the public key is out of date: %w", err)
	}
	k.mu.Lock()
	if count != k.seen {
		k.seen = count
		k.cache.Invalidate()
	}
	k.mu.Unlock()
	return k.cache.Get(ctx)
}

// Invalidate forgets the key. This process forgets it at once, and the others before they use it
// again. When Redis does not answer, only this process forgets it. The others then learn that the
// key has changed when a session of theirs is refused.
func (k *publicKey) Invalidate() {
	k.cache.Invalidate()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	_ = k.rdb.Incr(ctx, k.name).Err()
}
