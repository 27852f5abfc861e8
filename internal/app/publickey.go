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

// publicKey is KSeF's key as this process remembers it for one tenant, until anybody in the pool finds it out of date. Forgetting in one process alone is not enough: the worker that learns
// from a session that its key could not be decrypted is seldom the one that opens the next, and each stale memory would cost the same invoices another refusal, until
// they are taken for poisonous and parked. Safe for concurrent use.
type publicKey struct {
	cache *ksef.KeyCache
	rdb   redis.UniversalClient
	name  string // in Redis: counts how often the key was found out of date

	mu   sync.Mutex
	seen string // that count when this process forgot last
}

func newPublicKey(rdb redis.UniversalClient, prefix, tenant string, fetch func(context.Context) (*rsa.PublicKey, error)) *publicKey {
	return &publicKey{cache: ksef.NewKeyCache(fetch, 0, nil), rdb: rdb, name: prefix + "publickey:" + tenant}
}

// PublicKey answers from memory as long as the key is fresh. It costs one look into Redis.
func (k *publicKey) PublicKey(ctx context.Context) (*rsa.PublicKey, error) {
	count, err := k.rdb.Get(ctx, k.name).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("look whether the public key is out of date: %w", err)
	}
	k.mu.Lock()
	if count != k.seen {
		k.seen = count
		k.cache.Invalidate()
	}
	k.mu.Unlock()
	return k.cache.Get(ctx)
}

// Invalidate forgets the key, here at once and in every other process before it uses it again. When Redis does not answer, only here; a session that is refused
// for the same reason then tells the others.
func (k *publicKey) Invalidate() {
	k.cache.Invalidate()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	_ = k.rdb.Incr(ctx, k.name).Err()
}
