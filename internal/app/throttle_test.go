package app_test

import (
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
	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/ratelimit"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
)

// KSeF answers a send with 429. The group of sends is paused for the whole pool, and readiness and
// metrics show the pause. After the pause one send goes first, and not all waiting sends at once.
func TestThrottled_SendGets429_TheGroupPausesAndResumesSlowly(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, quickSim, hasty)
	if err := p.sim.Inject(simulator.Fault{On: "send", Kind: simulator.TooMany, For: 4 * time.Second, Times: 1}); err != nil {
		t.Fatal(err)
	}
	addr, _ := p.workAt()
	p.work()
	taken := p.admit(intake.Terms{Lane: ledger.Express}, good(sample.NIP(0), 9)...)
	until(t, 30*time.Second, "readiness and metrics show that the group is paused", func() bool {
		ready, metrics := page(t, addr, "/readyz"), page(t, addr, "/metrics")
		frozen := `ksef_limit_frozen_seconds{group="invoiceSend",tenant="` + sample.NIP(0) + `"} `
		_, after, _ := strings.Cut(metrics, frozen)
		return strings.Contains(ready, "invoiceSend is paused for") && after != "" && !strings.HasPrefix(after, "0\n")
	})
	p.wait(60*time.Second, taken, ledger.Receipted)
	p.balanced(9)
	metrics := page(t, addr, "/metrics")
	for _, name := range []string{"ksef_limit_used", "ksef_limit_allowed", "ksef_limit_remaining"} {
		for _, window := range []string{"1s", "1m0s", "1h0m0s"} {
			want := name + `{group="invoiceSend",tenant="` + sample.NIP(0) + `",window="` + window + `"}`
			if !strings.Contains(metrics, want) {
				t.Errorf("the metrics lack %s", want)
			}
		}
	}
	// A place on the waitlist that is not used lapses half a minute after its turn.
	empty := `ksef_limit_waiting_tasks{group="` + ratelimit.GroupInvoiceSend + `",tenant="` + sample.NIP(0) + `"} 0`
	until(t, time.Minute, empty, func() bool { return strings.Contains(page(t, addr, "/metrics"), empty) })
	// After the pause the books show one send, then two, then four. A send that was under way when
	// the pause began may come in addition.
	var at []time.Time
	for _, a := range p.sim.Books().Accepted {
		at = append(at, a.At)
	}
	slices.SortFunc(at, time.Time.Compare)
	if len(at) != 9 || at[3].Sub(at[0]) < time.Second || at[8].Sub(at[2]) < time.Second || at[8].Sub(at[0]) < 3*time.Second {
		t.Errorf("accepted at %v, want nine invoices: first one, then two, then four, with pauses between", at)
	}
}

// Requests for receipts have their own circuit, but KSeF counts them together with requests for the
// status of sessions. So a 429 to a request of one kind pauses both kinds.
func TestThrottled_ReceiptGets429_TheStatusPausesToo(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, quickSim, hasty)
	if err := p.sim.Inject(simulator.Fault{On: "upo", Kind: simulator.TooMany, For: 5 * time.Second, Times: 1}); err != nil {
		t.Fatal(err)
	}
	addr, _ := p.workAt()
	taken := p.admit(intake.Terms{Lane: ledger.Bulk}, good(sample.NIP(0), 3)...)
	until(t, 30*time.Second, "status and receipts are paused", func() bool {
		return strings.Contains(page(t, addr, "/readyz"), "sessionMisc is paused for")
	})
	u, err := p.base.Redis.Exists(t.Context(), "ksef:rate:"+sample.NIP(0)+":sessionMisc:upo").Result()
	if err != nil || u != 0 {
		t.Errorf("there are %d counters for requests for receipts alone (error %v), want none", u, err)
	}
	p.wait(60*time.Second, taken, ledger.Receipted)
	p.balanced(3)
}

// KSeF answers 429, and Redis dies before the worker can write the pause there. Only this worker
// knows of the pause. Neither this worker nor the other one may send before the pause has ended,
// although Redis is back long before its end. The simulator's books record every request that comes
// during the pause.
func TestThrottled_RedisDownAtThe429_ThePoolPausesAllTheSame(t *testing.T) {
	t.Parallel()
	const pause = 20 * time.Second
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
	if err := p.sim.Inject(simulator.Fault{On: "send", Kind: simulator.TooMany, For: pause, Times: 1}); err != nil {
		t.Fatal(err)
	}
	p.work()
	p.work()
	taken := p.admit(intake.Terms{Lane: ledger.Express}, good(sample.NIP(0), 1)...)
	select {
	case <-killed:
	case <-time.After(30 * time.Second):
		t.Fatal("the simulator answered no 429 within 30 seconds")
	}
	began := time.Now()
	until(t, 15*time.Second, "the worker logs that only it knows of the pause", func() bool {
		return strings.Contains(p.log.String(), "is pending in this process")
	})
	if err := p.redis.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	// Both workers get more to send, and enough of the pause is left for either to try.
	taken = append(taken, p.admit(intake.Terms{Lane: ledger.Express}, good(sample.NIP(0), 8)[1:]...)...)
	if left := pause - time.Since(began); left < 8*time.Second {
		t.Fatalf("only %s of the pause are left: this test proves nothing", left)
	}
	for _, inv := range p.wait(90*time.Second, taken, ledger.Receipted) {
		if inv.Resends != 0 {
			t.Errorf("%s: the 429 used up %d resends, want none", inv.Number, inv.Resends)
		}
	}
	if v := p.sim.Books().Violations; len(v) > 0 {
		t.Errorf("%d requests came during the pause, want none; the first is %+v", len(v), v[0])
	}
	p.balanced(8)
}
