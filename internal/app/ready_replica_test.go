package app_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/app"
)

// When Redis is a replica, readiness blames Redis. It does not blame the gateway or the part store,
// although the state of both is kept in Redis.
func TestReady_RedisIsAReplica_BlamesRedisAlone(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, quickSim, hasty)
	addr, _ := p.workAt()
	follow := func(host, port string) {
		if err := p.base.Redis.Do(t.Context(), "REPLICAOF", host, port).Err(); err != nil {
			t.Fatal(err)
		}
	}
	follow("127.0.0.1", "1")
	defer follow("NO", "ONE")
	var checks map[string]app.Check
	until(t, 30*time.Second, "readiness says that Redis is a replica", func() bool {
		var ready app.Readiness
		if err := json.Unmarshal([]byte(page(t, addr, "/readyz")), &ready); err != nil {
			t.Fatal(err)
		}
		checks = map[string]app.Check{}
		for _, c := range ready.Checks {
			checks[c.Name] = c
		}
		return !checks["redis"].OK && strings.Contains(checks["redis"].Detail, "is a replica and takes no writes")
	})
	for _, name := range []string{"gateway", "part store"} {
		if c := checks[name]; !c.OK || strings.Contains(c.Detail, "READONLY") {
			t.Errorf("the check %s is %+v, want it OK, without READONLY, because Redis has a check of its own", name, c)
		}
	}
}
