// Package redistest gives a test a real Redis of its own. It is apart from redisd so that no program links the testing package.
package redistest

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"ksefworker/internal/redisd"
)

// New starts a server for this test alone, memory only, and a client for its database 0. Both end with the test.
func New(t testing.TB) (*redis.Client, *redisd.Server) {
	t.Helper()
	srv := Start(t)
	return Client(t, srv), srv
}

// Start starts a server for this test alone, memory only. One server a call rather than a shared one with numbered databases:
// it costs about 30 ms, and then FLUSHALL, Kill, CONFIG SET and counting keys disturb nobody.
func Start(t testing.TB) *redisd.Server {
	t.Helper()
	return StartWith(t, redisd.Options{})
}

// StartWith is Start with options; Options.AppendOnly for a test that kills and restarts. A missing redis-server fails the test: skipping would
// let a suite pass that has proven nothing.
func StartWith(t testing.TB, o redisd.Options) *redisd.Server {
	t.Helper()
	srv, err := redisd.Start(t.Context(), o)
	if err != nil {
		t.Fatalf("redistest: %v", err)
	}
	t.Cleanup(func() {
		if err := srv.Stop(); err != nil {
			t.Errorf("redistest: %v", err)
		}
	})
	return srv
}

// Client connects to srv's database 0 and is closed with the test. A test may have several, to play several processes.
func Client(t testing.TB, srv *redisd.Server) *redis.Client {
	t.Helper()
	o, err := redis.ParseURL(srv.URL())
	if err != nil {
		t.Fatalf("redistest: %v", err)
	}
	client := redis.NewClient(o)
	t.Cleanup(func() { _ = client.Close() }) // a test may have closed it already, to see what its code does then
	return client
}
