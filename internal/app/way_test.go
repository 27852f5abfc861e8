package app_test

import (
	"testing"
	"time"

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
