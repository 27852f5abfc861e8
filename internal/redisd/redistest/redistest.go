// Package redistest gives a test a real Redis of its own. It is separate from redisd so that no
// program links the testing package.
package redistest

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"ksefworker/internal/redisd"
)

// New starts a server in memory for this test alone, and a client for its database 0. Both end with
// the test.
func New(t testing.TB) (*redis.Client, *redisd.Server) {
	t.Helper()
	srv := Start(t)
	return Client(t, srv), srv
}

// Start starts a server in memory for this test alone. Each call has its own server and not a
// numbered database of a shared one. A server of its own costs about 30 ms, and FLUSHALL, Kill,
// CONFIG SET and counting keys disturb no other test.
func Start(t testing.TB) *redisd.Server {
	t.Helper()
	return StartWith(t, redisd.Options{})
}

// StartWith is like Start, with options, for example AppendOnly for a test that kills and restarts.
// When redis-server is missing, the test fails, because a skipped test would look like a pass.
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

// Client connects to srv's database 0 and is closed with the test. A test may have several clients
// that stand for several processes.
func Client(t testing.TB, srv *redisd.Server) *redis.Client {
	t.Helper()
	o, err := redis.ParseURL(srv.URL())
	if err != nil {
		t.Fatalf("redistest: %v", err)
	}
	client := redis.NewClient(o)
	t.Cleanup(func() { _ = client.Close() }) // a test may have closed it already, on purpose
	return client
}
