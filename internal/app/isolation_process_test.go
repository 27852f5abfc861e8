package app_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/tasks"
)

// One of two workers stands behind a proxy that answers 502 to everything, while the gateway is
// well. It leaves its tasks to the other one, says so, and tells the pool nothing that stops it.
func TestIsolation_OneWorkersProxyAnswers502_TheOtherDoesTheWork(t *testing.T) {
	t.Parallel()
	var s *sieve
	p := newPool(t, 2, quickSim, func(c *config.Config) { hasty(c); s = newSieve(t, c) })
	s.set(func(r *http.Request) int {
		if strings.Contains(r.UserAgent(), "sickproxy") {
			return http.StatusBadGateway
		}
		return 0
	})
	run := func(series string) time.Duration {
		began := time.Now()
		taken := p.admit(tasks.Terms{Lane: ledger.Bulk}, numbered(sample.NIP(0), series+"/B", 10)...)
		taken = append(taken, p.admit(tasks.Terms{Lane: ledger.Express}, numbered(sample.NIP(1), series+"/E", 5)...)...)
		until(t, 90*time.Second, "fifteen invoices are receipted", p.all(taken, receipted))
		return time.Since(began)
	}
	well, _ := p.workAt()
	alone := run("ALONE")
	sound := p.cfg.Gateway.UserAgent
	p.cfg.Gateway.UserAgent = "sickproxy"
	sick, _ := p.workAt()
	p.cfg.Gateway.UserAgent = sound
	const rounds = 3
	worst := time.Duration(0)
	for _, series := range []string{"ONE", "TWO", "THREE"}[:rounds] {
		took := run(series)
		t.Logf("%s took %v", series, took.Round(time.Second/10))
		worst = max(worst, took)
		if strings.Contains(get(t, "http://"+well+"/metrics"), "ksef_circuit_open{") {
			t.Error("the worker that is well is held up by the pool's circuits")
		}
	}
	t.Logf("15 invoices: %v by one worker, at worst %v with one beside it whose proxy is sick",
		alone.Round(time.Second/10), worst.Round(time.Second/10))
	if worst > 3*alone+20*time.Second {
		t.Errorf("%v beside a worker whose proxy is sick, %v alone", worst, alone)
	}
	if ready := get(t, "http://"+sick+"/readyz"); !strings.Contains(ready, "this process has had no proper answer") {
		t.Errorf("readiness of the sick one says %s", ready)
	}
	if metrics := get(t, "http://"+sick+"/metrics"); !strings.Contains(metrics, "ksef_circuit_open{") {
		t.Error("metrics of the sick one show no open circuit")
	}
	if !strings.Contains(p.log.String(), "this process gets no proper answer from the gateway") {
		t.Error("the log does not say it")
	}
	p.balanced(15 * (1 + rounds))
}
