package app_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
	"ksefworker/internal/tasks"
)

// limit gives Redis so much of what it uses now.
func (p *pool) limit(share float64) {
	p.t.Helper()
	m, err := p.base.Ledger.Memory(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.base.Redis.ConfigSet(p.t.Context(), "maxmemory", fmt.Sprint(int64(float64(m.Used)*share))).Err(); err != nil {
		p.t.Fatal(err)
	}
}

// long makes documents that are most of what Redis holds: a receipt gives that back.
func long(n int) []tasks.Document {
	docs := make([]tasks.Document, n)
	for i := range docs {
		docs[i] = tasks.Document{File: fmt.Sprint(i, ".xml"), Data: sample.Invoice(sample.Options{
			SellerNIP: sample.NIP(0), Number: fmt.Sprint("L/", i), Seed: uint64(i), Lines: 400, IssueDate: invoice.Today(time.Now())})}
	}
	return docs
}

// An export meets a gateway that is down until Redis has no room for more; Redis's limit is lowered below what is used, even. A worker that is there, and one
// that starts only now, bring everything to its end, and intake opens by itself.
func TestFull_RedisAtMaxmemory_WhatWasTakenFinishesAndIntakeOpensAgain(t *testing.T) {
	t.Parallel()
	for _, lane := range []ledger.Lane{ledger.Auto, ledger.Express} {
		t.Run(string(lane), func(t *testing.T) {
			t.Parallel()
			p := newPool(t, 1, simulator.Options{Profile: simulator.Unlimited, Delay: 200 * time.Millisecond}, func(c *config.Config) { hasty(c); c.Limits.Scale = 3600 })
			var down atomic.Bool
			front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if down.Load() {
					http.Error(w, "<html>down</html>", http.StatusServiceUnavailable)
					return
				}
				p.sim.Handler().ServeHTTP(w, r)
			}))
			t.Cleanup(front.Close)
			p.cfg.Gateway.URL = front.URL
			down.Store(true)
			first, _ := p.workAt()
			const n = 100
			docs := long(n + 1)
			taken := p.admit(tasks.Terms{Lane: lane}, docs[1:]...)
			p.limit(0.9) // 111 % used
			a, err := p.base.Admitter()
			if err != nil {
				t.Fatal(err)
			}
			_, err = a.Admit(t.Context(), docs[:1], tasks.Terms{})
			if _, full := errors.AsType[*ledger.FullError](err); !full {
				t.Errorf("handed in while redis is full: %v", err)
			}
			until(t, 30*time.Second, "the worker's log says that redis is full", func() bool { return strings.Contains(p.log.String(), "redis is full: ") })
			ready, metrics := get(t, "http://"+first+"/readyz"), get(t, "http://"+first+"/metrics")
			if !strings.Contains(ready, "redis is full: ") || !strings.Contains(ready, "nothing new is taken in") {
				t.Errorf("readiness: %s", ready)
			}
			for _, want := range []string{"ksef_redis_memory_used_bytes ", "ksef_redis_memory_max_bytes "} {
				if !strings.Contains(metrics, "\n"+want) || strings.Contains(metrics, "\n"+want+"0\n") {
					t.Errorf("metrics lack %s", want)
				}
			}
			p.work() // starts although redis is full
			down.Store(false)
			p.wait(120*time.Second, taken, ledger.Receipted)
			p.balanced(n)
			until(t, 30*time.Second, "intake opens again", func() bool {
				_, err = a.Admit(t.Context(), docs[:1], tasks.Terms{})
				return err == nil
			})
			until(t, 30*time.Second, "the worker's log says so", func() bool { return strings.Contains(p.log.String(), "redis has memory again") })
			if strings.Contains(p.log.String(), "OOM") {
				t.Error("something was refused by Redis: see OOM in the log")
			}
		})
	}
}
