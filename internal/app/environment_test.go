package app_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/config"
	"ksefworker/internal/app"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/tasks"
)

// After a test run somebody changes gateway.url to the live gateway and forgets Redis. Without a
// refusal the same files would be "already here" with the numbers of the test, and invoices that
// still wait from the test would be sent to production.
func TestEnvironment_GatewayChangedButRedisKept_TheWorkerRefusesAndAnotherPrefixWorks(t *testing.T) {
	t.Parallel()
	tested := newPool(t, 1, quickSim, hasty)
	if before, _ := checkOutput(t, tested.cfg); !strings.Contains(before,
		"has no environment yet: the first worker or enqueue submit assigns it to custom at "+tested.cfg.Gateway.URL) {
		t.Errorf("--check of a new ledger says\n%s", before)
	}
	if at, err := tested.base.Ledger.Home(t.Context()); err != nil || at != (ledger.Home{}) {
		t.Errorf("after --check the ledger belongs to %v, %v", at, err)
	}
	stop := tested.work()
	docs := good(sample.NIP(0), 6)
	tested.wait(60*time.Second, tested.admit(tasks.Terms{Lane: ledger.Bulk}, docs...), ledger.Receipted)
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
		t.Errorf("--check says %v\n%s", err, out)
	}
	live.cfg.Redis.Prefix = "ksef-live:"
	live.base = live.open()
	live.work()
	taken := live.admit(tasks.Terms{Lane: ledger.Bulk}, docs...)
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
