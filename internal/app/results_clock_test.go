package app_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ksefworker/config"
	"ksefworker/internal/app"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
)

// A worker's clock is more than a week ahead. The worker serves receivers by Redis's clock instead.
// So a receiver finds the signature fresh, the stream keeps its results, and nothing is given up or
// put off for days.
func TestResults_WorkersClockIsDaysAhead_ReceiversAreServedByRedisClock(t *testing.T) {
	t.Parallel()
	hook, server := newReceiver(t)
	called := make(chan struct{}, 100)
	sick := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnprocessableEntity)
		called <- struct{}{}
	}))
	t.Cleanup(sick.Close)
	secret := config.Files{secretFile(t, hookSecret)}
	p := newPool(t, 1, quickSim, func(c *config.Config) {
		hasty(c)
		for name, url := range map[string]string{"erp": server.URL, "sick": sick.URL} {
			c.Results.Webhooks = append(c.Results.Webhooks, config.Webhook{Name: name, URL: url, SecretFile: secret,
				AllowPrivate: true, AllowPlain: true})
		}
		c.Results.Stream.Enabled = true
	})
	refused := ledger.Refusal{
		ID: ledger.RefusalOfFile("x.xml"), Tenant: sample.NIP(0), File: "x.xml", Faults: []ledger.RefusalFault{{Rule: "must be XML"}},
	}
	if err := p.base.Ledger.Refuse(t.Context(), []ledger.Refusal{refused}); err != nil {
		t.Fatal(err)
	}
	unread := &redis.XAddArgs{Stream: "ksef:results", Values: []any{"id", "unread"}}
	if err := p.base.Redis.XAdd(t.Context(), unread).Err(); err != nil {
		t.Fatal(err)
	}
	b := p.open()
	app.SetMachineClock(b, func() time.Time { return time.Now().Add(200 * time.Hour) })
	defer p.start(p.newWorker(b))()
	until(t, 20*time.Second, "the webhook was told of the refusal", func() bool { return hook.states(refused.ID) == "refused" })
	for range 2 { // the second call comes after a pause of seconds
		select {
		case <-called:
		case <-time.After(30 * time.Second):
			t.Fatal("the sick receiver was not called twice")
		}
	}
	until(t, 10*time.Second, "the stream has the old result and the refusal", func() bool {
		return p.base.Redis.XLen(t.Context(), "ksef:results").Val() == 2
	})
	held, failed, err := p.base.Ledger.SinkCounts(t.Context(), "sick")
	if err != nil || held != 1 || failed != 0 {
		t.Errorf("the sick receiver has %d held and %d failed results (%v), want 1 and 0", held, failed, err)
	}
	if next, err := p.base.Ledger.NextTry(t.Context(), "sick"); err != nil || time.Until(next) > time.Minute {
		t.Errorf("the next try for the sick receiver is at %v (%v), want it within a minute", next, err)
	}
}
