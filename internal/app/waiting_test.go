package app_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"ksefworker/config"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
	"ksefworker/internal/tasks"
	"ksefworker/internal/waiting"
)

// Whatever an invoice waits for, one who asks is told, by the same words everywhere.
func TestWaiting_EveryReasonIsToldWhereItArises(t *testing.T) {
	t.Parallel()
	hour := config.Rates{PerSecond: 5, PerMinute: 1, PerHour: 1}
	for name, c := range map[string]struct {
		sim   simulator.Options
		tune  func(*testing.T, *config.Config)
		calm  bool // no worker at all
		wreck func(*testing.T, *pool)
		lane  ledger.Lane
		want  waiting.Reason
		until bool
	}{
		"no worker":      {calm: true, want: waiting.NoWorker},
		"tenant paused":  {wreck: func(_ *testing.T, p *pool) { p.cfg.Tenants[0].Paused = true }, want: waiting.TenantPaused},
		"tenant removed": {wreck: func(_ *testing.T, p *pool) { p.cfg.Tenants = p.cfg.Tenants[1:] }, want: waiting.TenantUnknown},
		"wrong key": {wreck: func(t *testing.T, p *pool) {
			if err := os.WriteFile(p.cfg.Tenants[0].KeyFile, []byte("wrong\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, lane: ledger.Express, want: waiting.Credentials, until: true},
		"queue paused": {wreck: func(t *testing.T, p *pool) {
			if err := asynq.NewInspectorFromRedisClient(p.base.Asynq).PauseQueue(tasks.QueueInvoices); err != nil {
				t.Fatal(err)
			}
		}, want: waiting.QueuePaused},
		"gathering":  {tune: func(_ *testing.T, c *config.Config) { c.Packages.MaxWait, c.Packages.Quiet = time.Hour, time.Hour }, lane: ledger.Bulk, want: waiting.Gathering, until: true},
		"processing": {sim: simulator.Options{Delay: time.Hour}, lane: ledger.Bulk, want: waiting.Processing, until: true},
		"gateway down": {tune: func(t *testing.T, c *config.Config) {
			newSieve(t, c).set(func(*http.Request) int { return http.StatusBadGateway })
		}, lane: ledger.Express, want: waiting.Outage, until: true},
		"limit": {tune: func(_ *testing.T, c *config.Config) { c.Limits.Groups.InvoiceSend, c.Limits.MaxSleep = hour, 0 },
			lane: ledger.Express, want: waiting.Limit, until: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.sim.Profile = simulator.Unlimited
			p := newPool(t, 2, c.sim, func(cfg *config.Config) {
				if c.tune != nil {
					c.tune(t, cfg)
				}
			})
			if c.wreck != nil && c.want != waiting.TenantPaused && c.want != waiting.TenantUnknown {
				c.wreck(t, p)
			}
			taken := p.admit(tasks.Terms{Lane: c.lane}, good(sample.NIP(0), 6)...)
			if c.wreck != nil && (c.want == waiting.TenantPaused || c.want == waiting.TenantUnknown) {
				c.wreck(t, p) // it was known when they were taken
			}
			addr := ""
			if !c.calm {
				addr, _ = p.workAt()
			}
			reader, err := p.open().Waiting()
			if err != nil {
				t.Fatal(err)
			}
			ids := make([]string, len(taken))
			for i, a := range taken {
				ids[i] = a.Invoice.ID
			}
			until(t, 60*time.Second, name+" is told", func() bool {
				invs, err := p.base.Ledger.Invoices(t.Context(), ids)
				if err != nil {
					return false
				}
				waits, err := reader.Explain(t.Context(), invs)
				if err != nil {
					t.Fatal(err)
				}
				for _, w := range waits {
					if w.For == c.want && w.What != "" && (!c.until || w.Until.After(time.Now().Add(-time.Second))) {
						return true
					}
				}
				return false
			})
			counts, err := reader.Overview(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			sum := 0
			for _, n := range counts {
				sum += n.Invoices
			}
			if sum < 1 || sum > len(taken) {
				t.Errorf("the overview counts %d of %d: %+v", sum, len(taken), counts)
			}
			if addr == "" {
				return
			}
			series := fmt.Sprintf(`reason=%q,tenant=%q`, c.want, sample.NIP(0))
			until(t, 30*time.Second, "the metric names it", func() bool {
				return strings.Contains(get(t, "http://"+addr+"/metrics"), "ksef_waiting_invoices{"+series+"}")
			})
			if ready := get(t, "http://"+addr+"/readyz"); strings.Contains(ready, `"ready": true`) && !c.want.Ordinary() && !strings.Contains(ready, " invoices: ") {
				t.Errorf("readiness does not name it: %s", ready)
			}
		})
	}
}
