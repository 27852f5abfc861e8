package app_test

import (
	"strings"
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
)

// Another program writes into a key of the queue of packages. Single sends go on, and log and
// readiness name the key. When a person has deleted the key, the packages are sent too.
func TestQueues_KeyOfOneQueueHasAWrongType_OtherQueuesGoOnAndTheKeyIsNamed(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, simulator.Options{}, func(c *config.Config) { hasty(c) })
	const key = "asynq:{packages}:pending"
	rdb := p.base.Redis
	rdb.Set(t.Context(), key, "x", 0)
	w := p.newWorker(p.open())
	defer p.start(w)()
	docs := good(sample.NIP(0), 8)
	single := p.admit(intake.Terms{Lane: ledger.Express}, docs[:2]...)
	bulk := p.admit(intake.Terms{Lane: ledger.Bulk}, docs[2:]...)
	until(t, time.Minute, "single sends are receipted", p.all(single, receipted))
	until(t, 30*time.Second, "readiness and log name the key", func() bool {
		ready := page(t, w.Addr(), "/readyz")
		return strings.Contains(ready, `"ready": true`) && strings.Contains(ready, "the key "+key) && strings.Contains(p.log.String(), `"key":"`+key+`"`)
	})
	rdb.Del(t.Context(), key)
	p.wait(time.Minute, bulk, receipted)
	p.balanced(8)
}
