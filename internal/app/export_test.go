package app

import (
	"time"

	"github.com/rs/zerolog"

	"ksefworker/config"
	"ksefworker/internal/connect"
	"ksefworker/internal/ledger"
	"ksefworker/internal/tasks"
)

// SetClock gives a process a clock of its own; call it before [NewWorker].
func SetClock(b *connect.Pool, now func() time.Time) {
	b.Now, b.Ledger = now, ledger.New(b.Redis, ledger.Options{Now: now})
}

// The browser walk, for the tests that run the whole way (package app_test).
var Browse = browse

// BrowserJob is what a walk looks at.
type BrowserJob = browserJob

// TaskOptions are the worker's knobs as the configuration sets them.
func TaskOptions(cfg config.Config) tasks.Options {
	return taskOptions(&connect.Pool{Config: cfg}, "w", "", zerolog.Nop(), nil)
}

// SetMachineClock makes a process's own clock another than Redis's; call it before [NewWorker].
func SetMachineClock(b *connect.Pool, now func() time.Time) { b.Now = now }

// ForgetPublicKey makes the pool fetch a tenant's public key again.
func ForgetPublicKey(pool *connect.Pool, tenant string) {
	newPublicKey(pool.Redis, pool.Config.Redis.Prefix, tenant, nil).Invalidate()
}
