package app_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/ledger"
	"ksefworker/internal/ratelimit"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
	"ksefworker/internal/tasks"
)

func get(t *testing.T, url string) string {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// KSeF says 429: the group rests for the whole pool and says so; then one request goes before any other, and not a burst of all that waited.
func TestThrottled_TheGroupRests_SaysSo_AndResumesGently(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, quickSim, hasty)
	if err := p.sim.Inject(simulator.Fault{On: "send", Kind: simulator.TooMany, For: 4 * time.Second, Times: 1}); err != nil {
		t.Fatal(err)
	}
	addr, _ := p.workAt()
	p.work()
	taken := p.admit(tasks.Terms{Lane: ledger.Express}, good(sample.NIP(0), 9)...)
	until(t, 30*time.Second, "the group rests, and readiness and metrics say so", func() bool {
		ready, metrics := get(t, "http://"+addr+"/readyz"), get(t, "http://"+addr+"/metrics")
		frozen := `ksef_limit_frozen_seconds{group="invoiceSend",tenant="` + sample.NIP(0) + `"} `
		_, after, _ := strings.Cut(metrics, frozen)
		return strings.Contains(ready, "invoiceSend is paused for") && after != "" && !strings.HasPrefix(after, "0\n")
	})
	p.wait(60*time.Second, taken, ledger.Receipted)
	p.balanced(9)
	metrics := get(t, "http://"+addr+"/metrics")
	for _, name := range []string{"ksef_limit_used", "ksef_limit_allowed", "ksef_limit_remaining"} {
		for _, window := range []string{"1s", "1m0s", "1h0m0s"} {
			if want := name + `{group="invoiceSend",tenant="` + sample.NIP(0) + `",window="` + window + `"}`; !strings.Contains(metrics, want) {
				t.Errorf("no %s", want)
			}
		}
	}
	// A place in line that nobody came back for lapses half a minute after its turn.
	empty := `ksef_limit_waiting_tasks{group="` + ratelimit.GroupInvoiceSend + `",tenant="` + sample.NIP(0) + `"} 0`
	until(t, time.Minute, empty, func() bool { return strings.Contains(get(t, "http://"+addr+"/metrics"), empty) })
	// By the books: after the freeze one, two a step later, then four. (The simulator writes down what was sent before the freeze at its next request: one more.)
	var at []time.Time
	for _, a := range p.sim.Books().Accepted {
		at = append(at, a.At)
	}
	slices.SortFunc(at, time.Time.Compare)
	if len(at) != 9 || at[3].Sub(at[0]) < time.Second || at[8].Sub(at[2]) < time.Second || at[8].Sub(at[0]) < 3*time.Second {
		t.Errorf("accepted at %v, want one, then two, then four, each some time apart", at)
	}
}

// A receipt has a circuit of its own, and KSeF counts it together with the status of sessions: a
// 429 to one is the rest of both.
func TestThrottled_Receipt_RestsTheStatusToo(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, quickSim, hasty)
	if err := p.sim.Inject(simulator.Fault{On: "upo", Kind: simulator.TooMany, For: 5 * time.Second, Times: 1}); err != nil {
		t.Fatal(err)
	}
	addr, _ := p.workAt()
	taken := p.admit(tasks.Terms{Lane: ledger.Bulk}, good(sample.NIP(0), 3)...)
	until(t, 30*time.Second, "status and receipts rest", func() bool {
		return strings.Contains(get(t, "http://"+addr+"/readyz"), "sessionMisc is paused for")
	})
	u, err := p.base.Redis.Exists(t.Context(), "ksef:rate:"+sample.NIP(0)+":sessionMisc:upo").Result()
	if err != nil || u != 0 {
		t.Errorf("receipts are counted by themselves (%v)", err)
	}
	p.wait(60*time.Second, taken, ledger.Receipted)
	p.balanced(3)
}

// KSeF says 429 and Redis dies before it can be told. The worker that heard it is the only one that knows: neither it nor the other worker may send before the time is up, although Redis is
// back long before. The simulator writes down every request that comes while it blocks.
func TestThrottled_RedisAwayJustThen_ThePoolRestsAllTheSame(t *testing.T) {
	t.Parallel()
	const rest = 20 * time.Second
	var p *pool
	killed := make(chan struct{})
	var once sync.Once
	p = newPool(t, 1, quickSim, func(c *config.Config) {
		hasty(c)
		target, err := url.Parse(c.Gateway.URL)
		if err != nil {
			t.Fatal(err)
		}
		proxy := httputil.NewSingleHostReverseProxy(target)
		proxy.ModifyResponse = func(r *http.Response) error {
			if r.StatusCode == http.StatusTooManyRequests {
				once.Do(func() { _ = p.redis.Kill(); close(killed) })
			}
			return nil
		}
		srv := httptest.NewServer(proxy)
		t.Cleanup(srv.Close)
		c.Gateway.URL = srv.URL
	})
	if err := p.sim.Inject(simulator.Fault{On: "send", Kind: simulator.TooMany, For: rest, Times: 1}); err != nil {
		t.Fatal(err)
	}
	p.work()
	p.work()
	taken := p.admit(tasks.Terms{Lane: ledger.Express}, good(sample.NIP(0), 1)...)
	select {
	case <-killed:
	case <-time.After(30 * time.Second):
		t.Fatal("there was no 429")
	}
	began := time.Now()
	until(t, 15*time.Second, "the worker says that nobody else knows", func() bool { return strings.Contains(p.log.String(), "kept by this process") })
	if err := p.redis.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	// More to send, for both workers; what is left of the rest is long enough for either to try.
	taken = append(taken, p.admit(tasks.Terms{Lane: ledger.Express}, good(sample.NIP(0), 8)[1:]...)...)
	if left := rest - time.Since(began); left < 8*time.Second {
		t.Fatalf("only %s of the rest are left: this test proves nothing", left)
	}
	for _, inv := range p.wait(90*time.Second, taken, ledger.Receipted) {
		if inv.Resends != 0 {
			t.Errorf("%s: %d of its attempts were burnt by a refusal that took nothing", inv.Number, inv.Resends)
		}
	}
	if v := p.sim.Books().Violations; len(v) > 0 {
		t.Errorf("%d requests during the block, first %+v", len(v), v[0])
	}
	p.balanced(8)
}
