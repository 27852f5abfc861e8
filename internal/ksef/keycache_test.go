package ksef_test

import (
	"context"
	"crypto/rsa"
	"errors"
	"math/big"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ksefworker/internal/ksef"
)

func key(n int64) *rsa.PublicKey { return &rsa.PublicKey{N: big.NewInt(n), E: 65537} }

func TestKeyCache_ManyCallers_MakeOneFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fetched atomic.Int64
		cache := ksef.NewKeyCache(func(context.Context) (*rsa.PublicKey, error) {
			time.Sleep(time.Second) // of synctest's clock
			return key(fetched.Add(1)), nil
		}, time.Hour, nil)
		get := func() int64 { return must(cache.Get(context.Background())).N.Int64() }
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if n := get(); n != 1 {
					t.Errorf("a caller got key %d, want the first", n)
				}
			})
		}
		all.Wait()
		if n := get(); n != 1 || fetched.Load() != 1 {
			t.Errorf("the caller got key %d after %d fetches, want the first after one", n, fetched.Load())
		}
		time.Sleep(time.Hour)
		if n := get(); n != 2 {
			t.Errorf("when the first key is too old, the caller got key %d, want the second", n)
		}
		cache.Invalidate()
		if n := get(); n != 3 {
			t.Errorf("after Invalidate the caller got key %d, want the third", n)
		}
	})
}

func TestKeyCache_FailedFetch_ReachesAllWaitersAndIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := errors.New("down")
		var fetched atomic.Int64
		cache := ksef.NewKeyCache(func(context.Context) (*rsa.PublicKey, error) {
			time.Sleep(time.Second)
			if fetched.Add(1) == 1 {
				return nil, down
			}
			return key(2), nil
		}, 0, time.Now)
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if _, err := cache.Get(context.Background()); !errors.Is(err, down) {
					t.Errorf("a caller got the error %v, want the error of the failed fetch", err)
				}
			})
		}
		all.Wait()
		if fetched.Load() != 1 {
			t.Errorf("%d fetches were made for callers at the same time, want 1", fetched.Load())
		}
		if k, err := cache.Get(context.Background()); err != nil || k.N.Int64() != 2 {
			t.Errorf("the call after the failed fetch returned %v, want the key of a new fetch", err)
		}
	})
}

func TestKeyCache_CallerGivesUp_OthersStillGetTheKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fetched atomic.Int64
		cache := ksef.NewKeyCache(func(ctx context.Context) (*rsa.PublicKey, error) {
			fetched.Add(1)
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(time.Minute):
				return key(1), nil
			}
		}, time.Hour, time.Now)
		hasty, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := cache.Get(hasty); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the caller whose fetch was under way when it gave up got %v, want its deadline's error", err)
			}
		})
		synctest.Wait()
		all.Go(func() {
			if _, err := cache.Get(context.Background()); err != nil {
				t.Errorf("the caller that still waits got %v, want the key", err)
			}
		})
		all.Go(func() {
			if _, err := cache.Get(hasty); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the other caller that gave up got %v, want its deadline's error", err)
			}
		})
		all.Wait()
		if fetched.Load() != 2 {
			t.Errorf("%d fetches were made, want a second one for the caller that still waits", fetched.Load())
		}
	})
}

func TestKeyCache_InvalidatedDuringAFetch_DoesNotKeepItsKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fetched atomic.Int64
		cache := ksef.NewKeyCache(func(context.Context) (*rsa.PublicKey, error) {
			n := fetched.Add(1)
			time.Sleep(time.Second)
			return key(n), nil
		}, time.Hour, time.Now)
		var all sync.WaitGroup
		all.Go(func() { _, _ = cache.Get(context.Background()) })
		synctest.Wait()
		cache.Invalidate()
		if n := must(cache.Get(context.Background())).N.Int64(); n != 2 {
			t.Errorf("the caller got key %d, want the second, because KSeF may have refused the first", n)
		}
		all.Wait()
		if n := must(cache.Get(context.Background())).N.Int64(); n != 2 || fetched.Load() != 2 {
			t.Errorf("the caller got key %d after %d fetches, want the second after two", n, fetched.Load())
		}
	})
}
