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
		t.Errorf("the page is at %s, and read-only: %v; want a loopback address, and a page that is not read-only",
			cfg.HTTP.Addr, cfg.HTTP.Dashboard.ReadOnly)
	}
}
