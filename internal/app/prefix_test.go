package app_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"ksefworker/config"
	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/sample"
)

// Two pools, each with its own gateway, share one Redis database. The same documents are handed in
// to both. Each pool's KSeF accepts them, and no pool sees the other's workers, queues or keys.
func TestPrefix_TwoPoolsShareOneDatabase_NeitherSeesTheOther(t *testing.T) {
	t.Parallel()
	one := newPool(t, 1, quickSim, hasty)
	two := newPool(t, 1, quickSim, func(c *config.Config) {
		hasty(c)
		c.Redis.URL, c.Redis.Prefix = one.redis.URL(), "ksef-test:"
	})
	docs := good(sample.NIP(0), 12)
	taken := map[*pool][]intake.Admission{}
	for _, p := range []*pool{one, two} {
		p.work()
		taken[p] = append(p.admit(intake.Terms{Lane: ledger.Express}, docs[:3]...),
			p.admit(intake.Terms{Lane: ledger.Bulk}, docs[3:]...)...)
		for _, a := range taken[p] {
			if a.Taken != ledger.Created {
				t.Errorf("prefix %s: %s was here already or refused, want it taken in", p.cfg.Redis.Prefix, a.File)
			}
		}
	}
	for _, p := range []*pool{one, two} {
		p.wait(90*time.Second, taken[p], ledger.Receipted)
		p.balanced(12)
		inspector := asynq.NewInspectorFromRedisClient(p.base.Asynq)
		servers, err := inspector.Servers()
		if err != nil || len(servers) != 1 {
			t.Errorf("prefix %s: asynq lists %d servers (error %v), want one", p.cfg.Redis.Prefix, len(servers), err)
		}
		queues, err := inspector.Queues()
		if err != nil || len(queues) != len(queue.Queues()) {
			t.Errorf("prefix %s: asynq lists the queues %v (error %v), want %d queues",
				p.cfg.Redis.Prefix, queues, err, len(queue.Queues()))
		}
	}
	keys, err := one.base.Redis.Keys(t.Context(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, key := range keys {
		prefix, _, _ := strings.Cut(key, ":")
		// With the default prefix asynq's keys keep their own names.
		if count[prefix]++; prefix != "ksef" && prefix != "asynq" && prefix != "ksef-test" {
			t.Errorf("key %s has no pool's prefix", key)
		}
	}
	if count["asynq"] == 0 || count["ksef-test"] == 0 || count["ksef"] <= 1 {
		t.Errorf("the numbers of keys by prefix are %v, want some of each, and more than one with ksef", count)
	}
	if own := one.base.Redis.Keys(t.Context(), "ksef-test:asynq:*").Val(); len(own) == 0 {
		t.Error("the second pool's queues are not under its prefix")
	}
}
