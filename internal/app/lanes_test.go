package app_test

import (
	"testing"
	"time"

	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
)

func TestLanes_Bulk_EveryInvoiceIsReceipted(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, simulator.Options{Profile: simulator.Production, Delay: 300 * time.Millisecond}, nil)
	p.work()
	taken := p.admit(intake.Terms{}, good(sample.NIP(0), 50)...)
	p.wait(30*time.Second, taken, ledger.Receipted)
	p.balanced(50)
}

func TestLanes_Express_EveryInvoiceIsReceipted(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, simulator.Options{Profile: simulator.Production, Delay: 300 * time.Millisecond}, nil)
	p.work()
	taken := p.admit(intake.Terms{Lane: ledger.Express}, good(sample.NIP(0), 4)...)
	p.wait(30*time.Second, taken, ledger.Receipted)
	p.balanced(4)
}

func TestLanes_FourWorkersTwoTenantsBothLanes_BooksBalance(t *testing.T) {
	t.Parallel()
	p := newPool(t, 2, simulator.Options{Profile: simulator.Production, Delay: 500 * time.Millisecond}, nil)
	for range 4 {
		p.work()
	}
	var taken []intake.Admission
	for i := range 2 {
		docs := good(sample.NIP(i), 400)
		taken = append(taken, p.admit(intake.Terms{Lane: ledger.Express}, docs[:5]...)...)
		taken = append(taken, p.admit(intake.Terms{}, docs[5:]...)...)
	}
	p.wait(60*time.Second, taken, ledger.Receipted)
	p.balanced(800)
}
