package ratelimit

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ksefworker/internal/redisd/redistest"
)

// Requests are counted, groups freeze and circuits open while Redis is at maxmemory. If Redis
// refused these writes, all requests would stop, and no work could finish and free memory.
func TestRedis_AtMaxmemory_EveryWriteGoesThrough(t *testing.T) {
	client, _ := redistest.New(t)
	if err := client.ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	if err := client.Set(t.Context(), "probe", "x", 0).Err(); !redis.HasErrorPrefix(err, "OOM") {
		t.Fatalf("redis is not full: a write gives the error %v", err)
	}
	s, k := NewRedis(client, ""), Key{Tenant: "a", Group: "g"}
	limits := Limits{{Limit: 1, Per: time.Minute}}
	b, err := s.Book(t.Context(), Request{Key: k, Limits: limits})
	if err != nil {
		t.Fatalf("Book gives the error %v", err)
	}
	if _, err := s.Book(t.Context(), Request{Key: k, Limits: limits, Ticket: "x"}); err == nil || redis.HasErrorPrefix(err, "OOM") {
		t.Errorf("joining the waitlist gives %v, want a refusal by the limits", err)
	}
	if u, err := s.Usage(t.Context(), k, limits); err != nil || u.Windows[0].Used != 1 || u.Waitlisted != 1 {
		t.Errorf("the usage is %+v (error %v), want one booked and one on the waitlist", u, err)
	}
	if err := s.Cancel(t.Context(), b); err != nil {
		t.Errorf("Cancel gives the error %v", err)
	}
	if err := s.Freeze(t.Context(), k, time.Minute, CauseDenied); err != nil {
		t.Errorf("Freeze gives the error %v", err)
	}
	if _, strikes429, err := s.Throttle(t.Context(), Key{Tenant: "b", Group: "g"}, 0); err != nil || strikes429 != 1 {
		t.Errorf("Throttle counts %d answers 429 (error %v), want 1", strikes429, err)
	}
	c, err := NewCircuit(s, CircuitOptions{Failures: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Failure(t.Context(), Pair{Host: "host", Tenant: "1", Group: "g"}); err != nil {
		t.Errorf("Failure gives the error %v", err)
	}
	if err := c.Allow(t.Context(), Pair{Host: "host", Tenant: "1", Group: "g"}); err == nil || redis.HasErrorPrefix(err, "OOM") {
		t.Errorf("Allow at an open circuit gives %v, want a refusal by the circuit", err)
	}
}
