package app_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/config"
	"ksefworker/internal/app"
	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
)

// One taxpayer has two accounts at the gateway, each of which is a tenant. Each invoice is sent
// with the key of the tenant for which it was handed in. Limits, checks and metrics of each tenant
// are under its own name.
func TestAccounts_TwoOfOneTaxpayer_EachSendsWithItsOwnKeyAndLimits(t *testing.T) {
	second := simulator.Account{ID: "second_id", Key: "test_key", NIP: sample.NIP(0)}
	p := newPool(t, 1, simulator.Options{Accounts: []simulator.Account{second}}, func(c *config.Config) {
		first := c.Tenants[0]
		c.Tenants[0].Name = "first"
		c.Tenants = append(c.Tenants, config.Tenant{NIP: first.NIP, Name: "Second office", KeyID: second.ID, KeyFile: first.KeyFile,
			Limits: config.Groups{BatchSession: config.Rates{PerHour: 7}}})
	})
	addr, _ := p.workAt()
	var all []intake.Admission
	for tenant, series := range map[string]string{"first": "A", "Second office": "B"} {
		docs := numbered(sample.NIP(0), series, 3)
		all = append(all, p.admit(intake.Terms{Tenant: tenant, Lane: ledger.Bulk}, docs[:2]...)...)
		all = append(all, p.admit(intake.Terms{Tenant: tenant, Lane: ledger.Express}, docs[2])...)
	}
	p.wait(2*time.Minute, all, ledger.Receipted)
	p.balanced(6)
	books := p.sim.Books()
	account := map[string]string{}
	for _, s := range books.Sessions {
		account[s.ID] = s.Account
	}
	for _, a := range books.Accepted {
		want := "test_" + sample.NIP(0)
		if strings.HasPrefix(a.Number, "B/") {
			want = second.ID
		}
		if account[a.Session] != want {
			t.Errorf("%s was sent with the account %s, want %s", a.Number, account[a.Session], want)
		}
	}
	metrics := page(t, addr, "/metrics")
	for _, want := range []string{
		`ksef_limit_allowed{group="batchSession",tenant="Second office",window="1h0m0s"} 7`,
		`ksef_limit_allowed{group="batchSession",tenant="first",window="1h0m0s"} 60`,
		`ksef_local_fault{tenant="Second office"} 0`,
		`ksef_build_info{goversion="go1.`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("/metrics has no %s", want)
		}
	}
	ready := page(t, addr, "/readyz")
	for _, want := range []string{"tenant first", "tenant Second office"} {
		if !strings.Contains(ready, want) {
			t.Errorf("/readyz has no %s:\n%s", want, ready)
		}
	}
	if strings.Contains(ready, "tenant "+sample.NIP(0)) {
		t.Errorf("/readyz names a tenant by its NIP:\n%s", ready)
	}
}

// The Ministry has raised the size limit for one taxpayer. Its large invoices go through in both
// lanes, and large invoices of another taxpayer are refused.
func TestAccounts_InvoiceSizeRaised_LargeInvoicesAreAccepted(t *testing.T) {
	raised := simulator.Options{Taxpayers: []simulator.Taxpayer{{NIP: sample.NIP(0), MaxInvoice: 5_000_000}}}
	p := newPool(t, 2, raised, func(c *config.Config) { c.Tenants[0].MaxInvoiceSize = 5 * config.MB })
	p.work()
	large := func(nip, number string) intake.Document {
		d := document(sample.Options{SellerNIP: nip, Number: number})
		d.Data = bytes.Replace(d.Data, []byte("<Fa>"), []byte("<!--"+strings.Repeat("x", 4_500_000)+"--><Fa>"), 1)
		return d
	}
	ordinary := document(sample.Options{SellerNIP: sample.NIP(1), Number: "L/2"})
	all := p.admit(intake.Terms{Lane: ledger.Bulk}, large(sample.NIP(0), "L/1"), ordinary)
	all = append(all, p.admit(intake.Terms{Lane: ledger.Express}, large(sample.NIP(0), "L/3"))...)
	p.wait(2*time.Minute, all, ledger.Receipted)
	p.balanced(3)
	a := p.base.Admitter()
	out, err := a.Admit(t.Context(), []intake.Document{large(sample.NIP(1), "L/4")}, intake.Terms{})
	if err != nil || out[0].Err == nil || !strings.Contains(out[0].Err.Error(), "must be at most 1000000 bytes") {
		t.Errorf("a large invoice of the other tenant is refused with %v (error %v), want it refused as too large", out[0].Err, err)
	}
}

// Two workers with one configuration run on one host, so the second worker finds http.addr in use.
// It serves its pages at another port, and its log says how to configure the address.
func TestWorker_AddressInUse_ListensElsewhereAndSaysHowToConfigureIt(t *testing.T) {
	p := newPool(t, 1, simulator.Options{}, nil)
	first, _ := p.workAt()
	p.cfg.HTTP.Addr = first
	second, _ := p.workAt()
	if second == first || second == "" {
		t.Fatalf("the second worker listens on %q, the first on %q, want two addresses", second, first)
	}
	if ready := page(t, second, "/readyz"); !strings.Contains(ready, "redis") {
		t.Errorf("the second worker's /readyz shows no check of redis: %s", ready)
	}
	for _, want := range []string{"http.addr is in use", first, second, "KSEF_HTTP_ADDR"} {
		if !strings.Contains(p.log.String(), want) {
			t.Errorf("the log does not say %s", want)
		}
	}
	p.cfg.HTTP.Addr = "203.0.113.1:80" // not an address of this machine: another port would not help
	p.cfg.HTTP.Dashboard.Enabled = false
	b := p.open()
	defer b.Close()
	if _, err := app.NewWorker(t.Context(), b, zerolog.Nop()); err == nil || !strings.Contains(err.Error(), "listen on http.addr") {
		t.Errorf("with the address of another machine the error is %v, want one about http.addr", err)
	}
}
