package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"ksefworker/config"
	"ksefworker/internal/app"
	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
	"ksefworker/internal/waiting"
)

// In each of these cases, the explanation of an invoice names the reason why the invoice waits. If
// a worker runs, its metric names the reason too, and its readiness shows the text of the case's
// field says. The overview counts no invoice twice.
func TestWaiting_EveryReason_IsShownByAllWhoReportIt(t *testing.T) {
	t.Parallel()
	hour := config.Rates{PerSecond: 5, PerMinute: 1, PerHour: 1}
	for name, c := range map[string]struct {
		sim   simulator.Options
		tune  func(*testing.T, *config.Config)
		idle  bool                    // no worker runs
		cause func(*testing.T, *pool) // makes the invoices wait
		late  bool                    // cause is called after the invoices are taken in, otherwise before
		lane  ledger.Lane
		want  waiting.Reason
		until bool   // the explanation says until when the invoices wait
		says  string // a part of the texts of the explanation and of readiness
	}{
		"no worker": {idle: true, want: waiting.NoWorker},
		"tenant paused": {
			cause: func(_ *testing.T, p *pool) { p.cfg.Tenants[0].Paused = true },
			late:  true, want: waiting.TenantPaused,
		},
		"tenant removed": {
			cause: func(_ *testing.T, p *pool) { p.cfg.Tenants = p.cfg.Tenants[1:] },
			late:  true, want: waiting.TenantUnknown,
		},
		"wrong key": {
			cause: func(t *testing.T, p *pool) { writeFile(t, p.cfg.Tenants[0].KeyFile, "wrong\n") },
			lane:  ledger.Express, want: waiting.Credentials, until: true,
		},
		"permission missing": {
			sim:  simulator.Options{Faults: []simulator.Fault{{Kind: simulator.Forbidden, On: "openBatch", Times: -1}}},
			lane: ledger.Bulk, want: waiting.Credentials, until: true,
			says: "HTTP 403, code 403: Forbidden: permission missing): grant it to the account of its key",
		},
		"send answered with 429": {
			sim:  simulator.Options{Faults: []simulator.Fault{{Kind: simulator.TooMany, On: "send", For: 2 * time.Minute, Times: 1}}},
			lane: ledger.Express, want: waiting.Throttled, until: true, says: "too many requests",
		},
		"everything denied": {
			sim:  simulator.Options{Faults: []simulator.Fault{{Kind: simulator.InvoiceStatus, Code: 410, Times: -1}}},
			lane: ledger.Express, want: waiting.Denied, until: true, says: "(410)",
		},
		"sessions refused": {
			sim:  simulator.Options{Faults: []simulator.Fault{{Kind: simulator.Refused, On: "openBatch", Code: 21405, Times: -1}}},
			lane: ledger.Bulk, want: waiting.Refused, until: true, says: "code 21405: ",
		},
		"queue paused": {cause: func(t *testing.T, p *pool) {
			if err := asynq.NewInspectorFromRedisClient(p.base.Asynq).PauseQueue(queue.QueueInvoices); err != nil {
				t.Fatal(err)
			}
		}, want: waiting.QueuePaused},
		"gathering": {
			tune: func(_ *testing.T, c *config.Config) { c.Packages.MaxWait, c.Packages.Quiet = time.Hour, time.Hour },
			lane: ledger.Bulk, want: waiting.Gathering, until: true,
		},
		"processing": {sim: simulator.Options{Delay: time.Hour}, lane: ledger.Bulk, want: waiting.Processing, until: true},
		"gateway down": {tune: func(t *testing.T, c *config.Config) {
			newInterceptor(t, c).set(func(*http.Request) int { return http.StatusBadGateway })
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
			if c.cause != nil && !c.late {
				c.cause(t, p)
			}
			taken := p.admit(intake.Terms{Lane: c.lane}, good(sample.NIP(0), 6)...)
			if c.cause != nil && c.late {
				c.cause(t, p)
			}
			addr := ""
			if !c.idle {
				addr, _ = p.workAt()
			}
			reader, err := p.open().Waiting()
			if err != nil {
				t.Fatal(err)
			}
			until(t, 60*time.Second, name+" is the explanation", func() bool {
				waits, err := reader.Explain(t.Context(), p.invoices(taken))
				if err != nil {
					t.Fatal(err)
				}
				for _, w := range waits {
					if w.For == c.want && w.What != "" && strings.Contains(w.What, c.says) &&
						(!c.until || w.Until.After(time.Now().Add(-time.Second))) {
						return true
					}
				}
				return false
			})
			var counts []waiting.Count
			// The overview reads several lists, one after the other. An invoice that moves to
			// another list in between may be counted twice for a moment.
			until(t, 30*time.Second, "the overview counts each invoice once at most", func() bool {
				var err error
				if counts, err = reader.Overview(t.Context()); err != nil {
					t.Fatal(err)
				}
				sum := 0
				for _, n := range counts {
					sum += n.Invoices
				}
				return sum >= 1 && sum <= len(taken)
			})
			if addr == "" {
				return
			}
			series := fmt.Sprintf(`reason=%q,tenant=%q`, c.want, sample.NIP(0))
			until(t, 30*time.Second, "the metric names what the invoices wait for", func() bool {
				return strings.Contains(page(t, addr, "/metrics"), "ksef_waiting_invoices{"+series+"}")
			})
			if c.says != "" {
				until(t, 30*time.Second, "readiness says why", func() bool {
					var ready app.Readiness
					if err := json.Unmarshal([]byte(page(t, addr, "/readyz")), &ready); err != nil {
						t.Fatal(err)
					}
					return slices.ContainsFunc(ready.Checks, func(part app.Check) bool { return strings.Contains(part.Detail, c.says) })
				})
			}
			if answer := page(t, addr, "/readyz"); strings.Contains(answer, `"ready": true`) && !c.want.Ordinary() &&
				!strings.Contains(answer, " invoices: ") {
				t.Errorf("readiness does not name what the invoices wait for: %s", answer)
			}
		})
	}
}
