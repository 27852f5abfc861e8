package app_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/config"
	"ksefworker/internal/app"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
	"ksefworker/internal/tasks"
)

// read gets a page of a worker.
func read(t *testing.T, url string) string {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func doc(nip, number string) tasks.Document {
	return tasks.Document{File: number + ".xml", Data: sample.Invoice(sample.Options{SellerNIP: nip, Number: number, IssueDate: invoice.Today(time.Now())})}
}

// Two accounts of one taxpayer: each invoice goes by the key that was asked for, and each account has
// limits, circuits and pages under its own name.
func TestAccounts_TwoOfOneNIP_EachSendsByItsOwnKeyAndIsCountedByItself(t *testing.T) {
	second := simulator.Account{ID: "second_id", Key: "test_key", NIP: sample.NIP(0)}
	p := newPool(t, 1, simulator.Options{Accounts: []simulator.Account{second}}, func(c *config.Config) {
		first := c.Tenants[0]
		c.Tenants[0].Name = "first"
		c.Tenants = append(c.Tenants, config.Tenant{NIP: first.NIP, Name: "Second office", KeyID: second.ID, KeyFile: first.KeyFile,
			Limits: config.Groups{BatchSession: config.Rates{PerHour: 7}}})
	})
	addr, _ := p.workAt()
	var all []tasks.Admission
	for tenant, prefix := range map[string]string{"first": "A/", "Second office": "B/"} {
		all = append(all, p.admit(tasks.Terms{Tenant: tenant, Lane: ledger.Bulk}, doc(sample.NIP(0), prefix+"1"), doc(sample.NIP(0), prefix+"2"))...)
		all = append(all, p.admit(tasks.Terms{Tenant: tenant, Lane: ledger.Express}, doc(sample.NIP(0), prefix+"3"))...)
	}
	p.wait(2*time.Minute, all, ledger.Receipted)
	p.balanced(6)
	books := p.sim.Books()
	by := map[string]string{}
	for _, s := range books.Sessions {
		by[s.ID] = s.Account
	}
	for _, a := range books.Accepted {
		want := "test_" + sample.NIP(0)
		if strings.HasPrefix(a.Number, "B/") {
			want = second.ID
		}
		if by[a.Session] != want {
			t.Errorf("%s went by %s, want %s", a.Number, by[a.Session], want)
		}
	}
	metrics := read(t, "http://"+addr+"/metrics")
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
	ready := read(t, "http://"+addr+"/readyz")
	for _, want := range []string{"tenant first", "tenant Second office"} {
		if !strings.Contains(ready, want) {
			t.Errorf("/readyz has no %s:\n%s", want, ready)
		}
	}
	if strings.Contains(ready, "tenant "+sample.NIP(0)) {
		t.Errorf("/readyz names a tenant by its NIP:\n%s", ready)
	}
}

// The Ministry has raised a limit for one taxpayer: what is larger than anybody else's goes
// through, by both lanes.
func TestAccounts_RaisedSize_IsTakenAndAccepted(t *testing.T) {
	p := newPool(t, 2, simulator.Options{Taxpayers: []simulator.Taxpayer{{NIP: sample.NIP(0), MaxInvoice: 5_000_000}}}, func(c *config.Config) {
		c.Tenants[0].MaxInvoiceSize = 5 * config.MB
	})
	p.work()
	large := func(nip, number string) tasks.Document {
		d := doc(nip, number)
		d.Data = bytes.Replace(d.Data, []byte("<Fa>"), []byte("<!--"+strings.Repeat("x", 4_500_000)+"--><Fa>"), 1)
		return d
	}
	all := p.admit(tasks.Terms{Lane: ledger.Bulk}, large(sample.NIP(0), "L/1"), doc(sample.NIP(1), "L/2"))
	all = append(all, p.admit(tasks.Terms{Lane: ledger.Express}, large(sample.NIP(0), "L/3"))...)
	p.wait(2*time.Minute, all, ledger.Receipted)
	p.balanced(3)
	a, err := p.base.Admitter()
	if err != nil {
		t.Fatal(err)
	}
	out, err := a.Admit(t.Context(), []tasks.Document{large(sample.NIP(1), "L/4")}, tasks.Terms{})
	if err != nil || out[0].Err == nil || !strings.Contains(out[0].Err.Error(), "must be at most 1000000 bytes") {
		t.Errorf("of the tenant without: %v, %v", out[0].Err, err)
	}
}

// Workers of one configuration on one host: the second one's pages are at another port, and it says
// so.
func TestWorker_AddressIsTaken_TakesAnotherPortAndSaysHowToChooseIt(t *testing.T) {
	p := newPool(t, 1, simulator.Options{}, nil)
	first, _ := p.workAt()
	p.cfg.HTTP.Addr = first
	second, _ := p.workAt()
	if second == first || second == "" {
		t.Fatalf("the second worker listens on %q, the first on %q", second, first)
	}
	if ready := read(t, "http://"+second+"/readyz"); !strings.Contains(ready, "redis") {
		t.Errorf("its page: %s", ready)
	}
	for _, want := range []string{"http.addr is in use", first, second, "KSEF_HTTP_ADDR"} {
		if !strings.Contains(p.log.String(), want) {
			t.Errorf("the log does not say %s", want)
		}
	}
	p.cfg.HTTP.Addr = "203.0.113.1:80" // of no machine: another port would help nobody
	p.cfg.HTTP.Dashboard.Enabled = false
	b := p.open()
	defer b.Close()
	if _, err := app.NewWorker(t.Context(), b, zerolog.Nop()); err == nil || !strings.Contains(err.Error(), "listen on http.addr") {
		t.Errorf("an address of no machine: %v", err)
	}
}
