package app

import (
	"time"

	"github.com/rs/zerolog"

	"ksefworker/config"
	"ksefworker/internal/ledger"
	"ksefworker/internal/tasks"
)

// SetClock gives a process a clock of its own; call it before [NewWorker].
func SetClock(b *Base, now func() time.Time) {
	b.now, b.Ledger = now, ledger.New(b.Redis, ledger.Options{Now: now})
}

// The browser walk, for the tests that run the whole way (package app_test).
var Browse = browse

// BrowserJob is what a walk looks at.
type BrowserJob = browserJob

// TaskOptions are the worker's knobs as the configuration sets them.
func TaskOptions(cfg config.Config) tasks.Options {
	return taskOptions(&Base{Config: cfg}, "w", "", zerolog.Nop(), nil)
}

// SetMachineClock makes a process's own clock another than Redis's; call it before [NewWorker].
func SetMachineClock(b *Base, now func() time.Time) { b.now = now }

// ForgetPublicKey makes every process fetch KSeF's public key for a tenant again.
func ForgetPublicKey(b *Base, tenant string) {
	newPublicKey(b.Redis, b.Config.Redis.Prefix, tenant, nil).Invalidate()
}
