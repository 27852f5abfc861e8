package app

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/config"
	"ksefworker/internal/connect"
	"ksefworker/internal/ledger"
	"ksefworker/internal/tasks"
)

// SetClock replaces the clock of a process and of its ledger; call it before [NewWorker].
func SetClock(b *connect.Pool, now func() time.Time) {
	b.Now, b.Ledger = now, ledger.New(b.Redis, ledger.Options{Now: now})
}

// Browse opens the dashboard in a browser, for the tests in package app_test.
var Browse = browse

// RunBrowser runs a script of test/browser.
var RunBrowser = runBrowser

// BrowserJob is the input of [Browse].
type BrowserJob = browserJob

// TaskOptions returns the options of the task handlers as the configuration sets them.
func TaskOptions(cfg config.Config) tasks.Options {
	return taskOptions(&connect.Pool{Config: cfg}, "w", "", zerolog.Nop(), nil, nil, &toldLimits{})
}

// SetMachineClock replaces the clock of a process. The ledger keeps its own clock, which is
// Redis's. Call SetMachineClock before [NewWorker].
func SetMachineClock(b *connect.Pool, now func() time.Time) { b.Now = now }

// ForgetPublicKey makes the pool fetch a tenant's public key again.
func ForgetPublicKey(pool *connect.Pool, tenant string) {
	newPublicKey(pool.Redis, pool.Config.Redis.Prefix, tenant, nil).Invalidate()
}

// Pages returns what a worker serves, for a test that does not run it.
func Pages(w *Worker) http.Handler { return w.http.Handler }

// SetDial replaces how a worker connects to KSeF; call it before Run.
func SetDial(w *Worker, dial func(ctx context.Context, network, addr string) (net.Conn, error)) {
	w.clients.transport.DialContext = dial
}
