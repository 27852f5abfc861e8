package demo

import (
	"testing"

	"ksefworker/config"
)

func TestDemo_RejectedInvoices_CanBeEndedOnThePage(t *testing.T) {
	cfg := config.Default()
	cfg.Tenants = make([]config.Tenant, demoTenants)
	adjust(&cfg)
	if cfg.HTTP.Dashboard.ReadOnly || !cfg.HTTP.Loopback() {
		t.Errorf("the page at %s is read-only: %v, want a loopback address and false", cfg.HTTP.Addr, cfg.HTTP.Dashboard.ReadOnly)
	}
}
