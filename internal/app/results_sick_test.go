package app_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/app"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
)

// Another program wrote a key of one receiver. Only this receiver is told nothing, the key is
// named, and once the key is gone the receiver is told everything.
func TestResults_KeyOfOneReceiverIsSick_OthersAreToldAndTheKeyIsNamed(t *testing.T) {
	t.Parallel()
	sick, sickServer := newReceiver(t)
	well, wellServer := newReceiver(t)
	secret := config.Files{secretFile(t, hookSecret)}
	p := newPool(t, 1, quickSim, func(c *config.Config) {
		hasty(c)
		for name, url := range map[string]string{"a-sick": sickServer.URL, "well": wellServer.URL} {
			c.Results.Webhooks = append(c.Results.Webhooks, config.Webhook{Name: name, URL: url, SecretFile: secret,
				AllowPrivate: true, AllowPlain: true, Timeout: time.Minute})
		}
	})
	for _, key := range []string{"sink:", "sinkheld:", "sinkstanding:", "sinkdue:"} {
		if err := p.base.Redis.RPush(t.Context(), "ksef:"+key+"a-sick", "foreign").Err(); err != nil {
			t.Fatal(err)
		}
	}
	r := ledger.Refusal{ID: ledger.RefusalOfFile("a.xml"), File: "a.xml", Tenant: sample.NIP(0),
		Faults: []ledger.RefusalFault{{Rule: "must be XML"}}}
	if err := p.base.Ledger.Refuse(t.Context(), []ledger.Refusal{r}); err != nil {
		t.Fatal(err)
	}
	addr, _ := p.workAt()
	until(t, 20*time.Second, "the other receiver was told", func() bool { return well.states(r.ID) == "refused" })
	ready := page(t, addr, "/readyz")
	if !strings.Contains(ready, "a-sick is told nothing") || !strings.Contains(ready, "sinkheld:a-sick") {
		t.Errorf("/readyz does not say that a-sick is told nothing, and why: %s", ready)
	}
	metrics := page(t, addr, "/metrics")
	for _, line := range []string{`ksef_results_waiting{receiver="well"} 0`, `ksef_results_receiver_down{receiver="a-sick"} 1`} {
		if !strings.Contains(metrics, line) {
			t.Errorf("/metrics lacks %s", line)
		}
	}
	for _, key := range []string{"sink:", "sinkheld:", "sinkstanding:", "sinkdue:"} {
		if err := p.base.Redis.Del(t.Context(), "ksef:"+key+"a-sick").Err(); err != nil {
			t.Fatal(err)
		}
	}
	until(t, 20*time.Second, "the receiver was told once its keys are gone", func() bool { return sick.states(r.ID) == "refused" })
}

// Another program wrote the outbox. No receiver can be told anything, so the metric behind the
// alert says that each of them is down, and readiness names the key.
func TestResults_OutboxIsSick_EveryReceiverIsDown(t *testing.T) {
	t.Parallel()
	_, server := newReceiver(t)
	secret := config.Files{secretFile(t, hookSecret)}
	p := newPool(t, 1, quickSim, func(c *config.Config) {
		hasty(c)
		for _, name := range []string{"one", "two"} {
			c.Results.Webhooks = append(c.Results.Webhooks, config.Webhook{Name: name, URL: server.URL, SecretFile: secret,
				AllowPrivate: true, AllowPlain: true, Timeout: time.Minute})
		}
	})
	addr, _ := p.workAt()
	if err := p.base.Redis.Set(t.Context(), "ksef:outbox", "foreign", 0).Err(); err != nil {
		t.Fatal(err)
	}
	metrics := page(t, addr, "/metrics")
	for _, line := range []string{`ksef_results_receiver_down{receiver="one"} 1`, `ksef_results_receiver_down{receiver="two"} 1`} {
		if !strings.Contains(metrics, line) {
			t.Errorf("/metrics lacks %s", line)
		}
	}
	if ready := page(t, addr, "/readyz"); strings.Count(ready, "one, two are told nothing: the key outbox") != 1 ||
		strings.Count(ready, "told nothing: ") != 1 {
		t.Errorf("/readyz does not say once that one and two are told nothing because of the key outbox: %s", ready)
	}
}

// While storage keys are rotated, another program wrote the set of all receivers, which says where
// sealed results may be held. --check cannot know whether the old storage key is needed, and names
// the key. When a person deletes the set, a running worker writes its receivers again.
func TestResults_SetOfReceiversIsSick_CheckDoesNotLetTheOldKeyGo(t *testing.T) {
	t.Parallel()
	_, server := newReceiver(t)
	secret := config.Files{secretFile(t, hookSecret)}
	p := newPool(t, 1, quickSim, func(c *config.Config) {
		hasty(c)
		c.Storage.KeyFile = keyFiles(t, "ba")
		c.Results.Webhooks = []config.Webhook{{Name: "erp", URL: server.URL, SecretFile: secret,
			AllowPrivate: true, AllowPlain: true, Timeout: time.Minute}}
	})
	p.workAt()
	if err := p.base.Redis.Set(t.Context(), "ksef:sinks", "foreign", 0).Err(); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	err := app.CheckAll(t.Context(), p.cfg, &out)
	if got := out.String(); err == nil || strings.Contains(got, "may be removed") ||
		!strings.Contains(got, "FAULT  storage: read sinks: the key sinks behind redis.prefix") {
		t.Errorf("--check ends with %v, want a fault that names the key, and no word that a key may be removed\n%s", err, got)
	}
	if err := p.base.Redis.Del(t.Context(), "ksef:sinks").Err(); err != nil {
		t.Fatal(err)
	}
	until(t, 20*time.Second, "the worker has written its receiver again", func() bool {
		return slices.Equal(p.base.Redis.SMembers(t.Context(), "ksef:sinks").Val(), []string{"erp"})
	})
}
