package app_test

import (
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
	"ksefworker/internal/tasks"
)

func TestWay_Bulk_EveryInvoiceIsReceipted(t *testing.T) {
	p := newPool(t, 1, simulator.Options{Profile: simulator.Production, Delay: 300 * time.Millisecond}, nil)
	p.work()
	taken := p.admit(tasks.Terms{}, good(sample.NIP(0), 50)...)
	p.wait(30*time.Second, taken, ledger.Receipted)
	p.balanced(50)
}

func TestWay_Express_EveryInvoiceIsReceipted(t *testing.T) {
	p := newPool(t, 1, simulator.Options{Profile: simulator.Production, Delay: 300 * time.Millisecond}, nil)
	p.work()
	taken := p.admit(tasks.Terms{Lane: ledger.Express}, good(sample.NIP(0), 4)...)
	p.wait(30*time.Second, taken, ledger.Receipted)
	p.balanced(4)
}

func TestWay_FourWorkersTwoTenantsBothLanes_BooksBalanced(t *testing.T) {
	p := newPool(t, 2, simulator.Options{Profile: simulator.Production, Delay: 500 * time.Millisecond}, nil)
	for range 4 {
		p.work()
	}
	var taken []tasks.Admission
	for i := range 2 {
		docs := good(sample.NIP(i), 400)
		taken = append(taken, p.admit(tasks.Terms{Lane: ledger.Express}, docs[:5]...)...)
		taken = append(taken, p.admit(tasks.Terms{}, docs[5:]...)...)
	}
	p.wait(60*time.Second, taken, ledger.Receipted)
	p.balanced(800)
}

func TestWay_TenThousand_AtMostThreeBatchSessions(t *testing.T) {
	p := newPool(t, 1, simulator.Options{Profile: simulator.Production, Delay: time.Second}, func(c *config.Config) {
		c.Packages.MaxWait, c.Packages.Quiet = 20*time.Second, 2*time.Second
	})
	p.work()
	began := time.Now()
	docs := good(sample.NIP(0), 10_000)
	t.Logf("made in %v", time.Since(began).Round(time.Millisecond))
	began = time.Now()
	var taken []tasks.Admission
	for len(docs) > 0 {
		taken = append(taken, p.admit(tasks.Terms{}, docs[:200]...)...)
		docs = docs[200:]
	}
	t.Logf("taken in %v", time.Since(began).Round(time.Millisecond))
	p.wait(120*time.Second, taken, ledger.Receipted)
	t.Logf("receipted after %v; requests %v", time.Since(began).Round(time.Millisecond), p.sim.Books().Requests)
	p.balanced(10_000)
	t.Log(tail(p.log.String(), 4000))
}
