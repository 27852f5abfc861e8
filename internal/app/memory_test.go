package app_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
)

// limitMemory sets maxmemory to a multiple of the memory that Redis uses now.
func (p *pool) limitMemory(factor float64) {
	p.t.Helper()
	m, err := p.base.Ledger.Memory(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	maxMemory := fmt.Sprint(int64(float64(m.Used) * factor))
	if err := p.base.Redis.ConfigSet(p.t.Context(), "maxmemory", maxMemory).Err(); err != nil {
		p.t.Fatal(err)
	}
}

// long makes n documents that are so long that they take most of Redis's memory. When an invoice is
// receipted, the memory of its document is freed.
func long(n int) []intake.Document {
	docs := make([]intake.Document, n)
	for i := range docs {
		docs[i] = document(sample.Options{SellerNIP: sample.NIP(0), Number: fmt.Sprint("L/", i), Seed: uint64(i), Lines: 800})
	}
	return docs
}

// The gateway is down, so the invoices of an export stay in Redis. The test sets maxmemory below
// the memory that Redis uses, so Redis is full. When the gateway is back, a running worker and a
// worker that starts while Redis is full bring every invoice to its end. Then intake opens again
// without help.
func TestMemory_RedisAtMaxmemory_AdmittedInvoicesFinishAndIntakeOpensAgain(t *testing.T) {
	t.Parallel()
	for _, lane := range []ledger.Lane{ledger.Auto, ledger.Express} {
		t.Run(string(lane), func(t *testing.T) {
			t.Parallel()
			o := simulator.Options{Profile: simulator.Unlimited, Delay: 200 * time.Millisecond}
			p, s := newInterceptedPool(t, 1, o, func(c *config.Config) {
				hasty(c)
				c.Limits.Scale = 3600
			})
			s.set(func(*http.Request) int { return http.StatusServiceUnavailable })
			first, _ := p.workAt()
			const n = 100
			docs := long(n + 1)
			taken := p.admit(intake.Terms{Lane: lane}, docs[1:]...)
			p.limitMemory(0.9) // Redis uses 111 % of maxmemory
			a := p.base.Admitter()
			_, err := a.Admit(t.Context(), docs[:1], intake.Terms{})
			if _, full := errors.AsType[*ledger.FullError](err); !full {
				t.Errorf("handing in a document while redis is full returned %v, want a FullError", err)
			}
			until(t, 30*time.Second, "the worker's log says that redis is full", func() bool {
				return strings.Contains(p.log.String(), "redis is full: ")
			})
			ready, metrics := page(t, first, "/readyz"), page(t, first, "/metrics")
			if !strings.Contains(ready, "redis is full: ") || !strings.Contains(ready, "nothing new is taken in") {
				t.Errorf("readiness does not say that redis is full and nothing new is taken in: %s", ready)
			}
			for _, want := range []string{"ksef_redis_memory_used_bytes ", "ksef_redis_memory_max_bytes "} {
				if !strings.Contains(metrics, "\n"+want) || strings.Contains(metrics, "\n"+want+"0\n") {
					t.Errorf("the metrics lack %s, or its value is 0", want)
				}
			}
			p.work() // a worker starts although redis is full
			s.clear()
			p.wait(120*time.Second, taken, ledger.Receipted)
			p.balanced(n)
			until(t, 30*time.Second, "intake opens again", func() bool {
				_, err = a.Admit(t.Context(), docs[:1], intake.Terms{})
				return err == nil
			})
			until(t, 30*time.Second, "the worker's log says that intake is open", func() bool {
				return strings.Contains(p.log.String(), "redis has memory again")
			})
			if i := strings.Index(p.log.String(), "OOM"); i >= 0 {
				t.Errorf("Redis has refused a command: %.300s", p.log.String()[max(0, i-200):])
			}
		})
	}
}
