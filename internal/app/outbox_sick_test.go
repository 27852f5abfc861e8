package app_test

import (
	"strings"
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
)

// sickKeysAge is how old the worker's list of sick keys may be.
const sickKeysAge = time.Minute

// Another program has overwritten the outbox, so outcomes are set aside under a second key. A
// person deletes the outbox. Within seconds, the outcomes that were set aside are in the outbox,
// and readiness no longer names the key. This needs no sweep, which runs only once, at the start.
// Then another program overwrites both keys for a moment. Readiness says what was not kept.
func TestOutbox_IsMended_OutcomesAreToldAndReadinessIsWellWithinSeconds(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, quickSim, func(c *config.Config) { c.Sweep.Every = time.Hour })
	rdb := p.base.Redis
	overwrite := func(keys ...string) {
		for _, key := range keys {
			if err := rdb.Set(t.Context(), "ksef:"+key, "foreign", 0).Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	mend := func(keys ...string) {
		for _, key := range keys {
			if err := rdb.Del(t.Context(), "ksef:"+key).Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	refuse := func(file string) {
		r := ledger.Refusal{ID: ledger.RefusalOfFile(file), File: file, Tenant: sample.NIP(0),
			Faults: []ledger.RefusalFault{{Rule: "must be XML"}}}
		if err := p.base.Ledger.Refuse(t.Context(), []ledger.Refusal{r}); err != nil {
			t.Fatal(err)
		}
	}
	overwrite("outbox")
	refuse("a.xml")
	addr, stop := p.workAt()
	defer stop()
	says := func(what string) func() bool {
		return func() bool { return strings.Contains(page(t, addr, "/readyz"), what) }
	}
	until(t, 20*time.Second, "readiness names the key", says("the key outbox behind redis.prefix"))
	until(t, 20*time.Second, "the sweep has noted the key", says("cannot be read: outbox"))
	mend("outbox")
	mended := time.Now()
	until(t, 15*time.Second, "readiness no longer names the key", func() bool { return !says("outbox")() })
	until(t, 15*time.Second, "what was set aside is in the outbox", func() bool { return rdb.XLen(t.Context(), "ksef:outbox").Val() == 1 })
	if took := time.Since(mended); took > sickKeysAge/2 {
		t.Errorf("readiness and outbox were well %s after the key was mended, want seconds", took.Round(time.Second))
	}
	overwrite("outbox", "outboxaside")
	refuse("b.xml")
	mend("outbox", "outboxaside")
	until(t, 15*time.Second, "readiness says what was not kept", says("1 outcome written between"))
	mend("outboxlost")
	overwrite("outboxlost")
	until(t, 15*time.Second, "readiness says that nobody knows", says("nobody can say how many outcomes were not kept"))
}
