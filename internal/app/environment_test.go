package app_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"ksefworker/config"
	"ksefworker/internal/app"
	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
)

// After a test run somebody changes gateway.url to the live gateway, but keeps the ledger of the
// test in Redis. If the worker started, the same files would be "already here", with KSeF numbers
// from the test. Invoices of the test that still wait would be sent to production.
func TestEnvironment_GatewayChangedButRedisKept_TheWorkerRefusesAndAnotherPrefixWorks(t *testing.T) {
	t.Parallel()
	tested := newPool(t, 1, quickSim, hasty)
	if before, _ := checkOutput(t, tested.cfg); !strings.Contains(before,
		"has no environment yet: the first worker or enqueue submit assigns it to custom at "+tested.cfg.Gateway.URL) {
		t.Errorf("--check does not say that a new ledger has no environment yet:\n%s", before)
	}
	if at, err := tested.base.Ledger.Home(t.Context()); err != nil || at != (ledger.Home{}) {
		t.Errorf("after --check the ledger belongs to %v (error %v), want that --check changes nothing", at, err)
	}
	stop := tested.work()
	docs := good(sample.NIP(0), 6)
	tested.wait(60*time.Second, tested.admit(intake.Terms{Lane: ledger.Bulk}, docs...), ledger.Receipted)
	stop()
	live := newPool(t, 1, quickSim, func(c *config.Config) { hasty(c); c.Redis.URL = tested.redis.URL() })
	_, err := app.NewWorker(t.Context(), live.base, zerolog.Nop())
	if refused, ok := errors.AsType[*ledger.HomeError](err); !ok ||
		refused.Home.Address != tested.cfg.Gateway.URL || refused.Here.Address != live.cfg.Gateway.URL {
		t.Fatalf("NewWorker = %v, want a refusal with both addresses", err)
	}
	if field, ok := errors.AsType[*config.FieldError](err); !ok || field.Field != "environment" ||
		!strings.Contains(err.Error(), "redis.prefix") {
		t.Errorf("NewWorker = %v, want a fault of environment that says what to do", err)
	}
	out, err := checkOutput(t, live.cfg)
	if !errors.Is(err, app.ErrCheck) || !strings.Contains(out,
		"FAULT  ledger: environment: the ledger under redis.prefix ksef: belongs to custom at "+tested.cfg.Gateway.URL) {
		t.Errorf("--check ends with %v, want a fault of the environment\n%s", err, out)
	}
	live.cfg.Redis.Prefix = "ksef-live:"
	live.base = live.open()
	live.work()
	taken := live.admit(intake.Terms{Lane: ledger.Bulk}, docs...)
	live.wait(60*time.Second, taken, ledger.Receipted)
	live.balanced(6)
	tested.balanced(6)
}

// checkOutput runs --check and returns what it prints.
func checkOutput(t *testing.T, cfg config.Config) (output string, err error) {
	t.Helper()
	var out strings.Builder
	err = app.CheckAll(t.Context(), cfg, &out)
	return out.String(), err
}

// Redis is emptied under a running worker, and another environment takes it over. The old worker
// must not send the invoices of the new environment to the old gateway.
func TestHome_TheLedgerIsTakenOverUnderARunningWorker_NothingOfItGoesToTheOldGateway(t *testing.T) {
	t.Parallel()
	old := newPool(t, 1, quickSim, hasty)
	old.work()
	old.wait(60*time.Second, old.admit(intake.Terms{}, good(sample.NIP(0), 2)...), ledger.Accepted, ledger.Receipted)
	before := len(old.sim.Books().Accepted)

	next := newPool(t, 1, quickSim, func(c *config.Config) { hasty(c); c.Redis.URL = old.redis.URL() })
	home := fmt.Sprintf(`{"v":1,"environment":"custom","address":%q}`, next.cfg.Gateway.URL)
	// This is one transaction, because otherwise the old worker could claim the empty ledger first.
	_, err := old.base.Redis.TxPipelined(t.Context(), func(p redis.Pipeliner) error {
		p.FlushAll(t.Context())
		p.Set(t.Context(), "ksef:home", home, 0)
		return nil
	})
	if err = errors.Join(err, next.base.Claim(t.Context())); err != nil {
		t.Fatal(err)
	}
	var taken []intake.Admission
	for _, lane := range []ledger.Lane{ledger.Bulk, ledger.Express} {
		docs := numbered(sample.NIP(0), string(lane), 6)
		taken = append(taken, next.admit(intake.Terms{Lane: lane}, docs...)...)
	}
	until(t, 30*time.Second, "the old worker says that the ledger is not its own", func() bool {
		return strings.Contains(old.log.String(), "this worker is not ready: environment:")
	})
	next.work()
	next.wait(60*time.Second, taken, ledger.Receipted)
	next.balanced(12)
	if now := len(old.sim.Books().Accepted); now != before {
		t.Errorf("%d invoices of the other environment went to the old gateway", now-before)
	}
}
