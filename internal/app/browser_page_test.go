package app_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/app"
	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
)

// pageJob is the input of test/browser/page.mjs, which explains its keys.
type pageJob struct {
	Base        string              `json:"base"`
	Viewer      map[string]string   `json:"viewer"`
	Operator    map[string]string   `json:"operator"`
	Part        string              `json:"part"`
	Number      string              `json:"number"`
	Rejected    []map[string]string `json:"rejected"`
	Paused      string              `json:"paused"`
	Refused     string              `json:"refused"`
	Hidden      []string            `json:"hidden"`
	Receiver    string              `json:"receiver"`
	Answer      string              `json:"answer"`
	Screenshots string              `json:"screenshots,omitempty"`
	Chromium    string              `json:"chromium"`
}

// withUsers lets two people log in: an accountant of the first tenant, and an operator of all
// tenants.
func withUsers(t *testing.T, c *config.Config) {
	dir := t.TempDir()
	for _, name := range []string{"anna", "olga"} {
		writeFile(t, filepath.Join(dir, name), "password of "+name)
	}
	c.HTTP.Dashboard.ReadOnly = false
	c.HTTP.Users = []config.User{
		{Name: "anna", PasswordFile: filepath.Join(dir, "anna"), Tenants: []string{c.Tenants[0].NIP}},
		{Name: "olga", PasswordFile: filepath.Join(dir, "olga"), Tenants: []string{config.AllTenants}, Role: config.Operator},
	}
}

// An accountant and an operator use the business page of a real worker.
func TestBrowser_BusinessPage_ServesAccountantAndOperator(t *testing.T) {
	t.Parallel()
	erp := choosyReceiver(t)
	p := newPool(t, 3, quickSim, func(c *config.Config) { withUsers(t, c); c.Results.Webhooks = []config.Webhook{erp} })
	addr, stop := p.workAt()
	defer stop()
	mine, other, paused := sample.NIP(0), sample.NIP(1), sample.NIP(2)
	if err := p.base.Ledger.Hold(t.Context(), paused, ledger.Hold{
		Kind: ledger.Paused, By: "olga", Why: "the certificate is being replaced",
	}); err != nil {
		t.Fatal(err)
	}
	p.admit(intake.Terms{}, numbered(paused, "WAIT", 4)...)
	docs := append(numbered(mine, "FV/2026/XI", 5), bad(mine, sample.MissingTotal, "BAD/1"), bad(mine, sample.UnknownKind, "BAD/2"),
		bad(mine, sample.MissingTotal, "BAD/3"))
	docs = append(docs, numbered(other, "SECRET", 3)...)
	taken := p.admit(intake.Terms{}, append(docs, bad(other, sample.MissingTotal, "HIDDEN/1"),
		bad(other, sample.MissingTotal, "HIDDEN/2"))...)
	until(t, 60*time.Second, "the invoices are decided", p.all(taken, ledger.Receipted, ledger.Rejected))
	invs := p.invoices(taken)
	for i, tenant := range []string{mine, mine, mine, other} {
		number := fmt.Sprintf("REF/%d", i)
		if tenant == other {
			number = "HIDDEN/REF"
		}
		refusal := ledger.Refusal{ID: ledger.RefusalOfFile(number), Tenant: tenant, File: number + ".xml", Number: number, NIP: tenant,
			Faults: []ledger.RefusalFault{{Field: "Fa/P_15", Rule: "must be given"}}}
		if err := p.base.Ledger.Refuse(t.Context(), []ledger.Refusal{refusal}); err != nil {
			t.Fatal(err)
		}
	}
	job := pageJob{
		Base: "http://" + addr,
		Viewer: map[string]string{
			"name": "anna", "password": "password of anna",
		}, Operator: map[string]string{"name": "olga", "password": "password of olga"},
		Receiver: erp.Name, Answer: "no customer of this invoice is known", Part: "xi/3", Number: "FV/2026/XI/3",
		Paused: paused, Refused: "REF/1",
		Hidden: []string{other, paused, "SECRET/", "HIDDEN/", "WAIT/", byNumber(t, invs, "SECRET/0").KsefNumber},
	}
	for _, number := range []string{"BAD/1", "BAD/2"} {
		inv := byNumber(t, invs, number)
		other := map[string]string{"BAD/1": "BAD/3", "BAD/2": "HIDDEN/1"}[number]
		job.Rejected = append(job.Rejected, map[string]string{"id": inv.ID, "number": number, "other": other})
	}
	p.giveUp(erp.Name, invs, "FV/2026/XI/0", "FV/2026/XI/1", "SECRET/1")
	var report struct {
		OK     bool
		Faults []string
		Pages  []string
		Checks int
	}
	app.RunBrowser(t, "page.mjs", func(chromium, screenshots string) any {
		job.Chromium, job.Screenshots = chromium, screenshots
		return job
	}, &report)
	for _, f := range report.Faults {
		t.Error(f)
	}
	if !report.OK || len(report.Pages) < 20 || report.Checks < 300 {
		t.Errorf("ok is %v, with %d pages and %d checks of axe-core; want true, with at least 20 and 300",
			report.OK, len(report.Pages), report.Checks)
	}
	for _, inv := range p.invoices(taken) {
		if inv.Number == "BAD/1" && inv.State != ledger.Dismissed {
			t.Errorf("%s is %s, want dismissed, because the operator dismissed it on the page", inv.Number, inv.State)
		}
	}
}

// choosyReceiver starts a receiver of results that refuses the results of rejected invoices.
func choosyReceiver(t *testing.T) config.Webhook {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if body, _ := io.ReadAll(r.Body); bytes.Contains(body, []byte(`"state":"rejected"`)) {
			http.Error(w, "no customer of this invoice is known", http.StatusUnprocessableEntity)
		}
	}))
	t.Cleanup(server.Close)
	secret := filepath.Join(t.TempDir(), "secret")
	writeFile(t, secret, "whsec_"+base64.StdEncoding.EncodeToString(make([]byte, 32)))
	return config.Webhook{Name: "erp", URL: server.URL, SecretFile: config.Files{secret}, AllowPrivate: true, AllowPlain: true}
}

// giveUp records that the results of these invoices were given up, because a receiver had not taken
// them for three days.
func (p *pool) giveUp(receiver string, invs []ledger.Invoice, numbers ...string) {
	p.t.Helper()
	var change ledger.SinkChange
	for _, number := range numbers {
		inv := byNumber(p.t, invs, number)
		change.Fail = append(change.Fail, ledger.Held{Attempts: 341, First: ledger.At(time.Now().Add(-72 * time.Hour)),
			Err:     "answered 500: the order of this invoice is locked",
			Outcome: ledger.Outcome{ID: inv.ID, Rev: inv.Rev, State: inv.State, At: fmt.Sprintf("%d-0", int64(inv.UpdatedAt))}})
	}
	until(p.t, 20*time.Second, "no worker serves the receiver", func() bool {
		ok, err := p.base.Ledger.ChangeSink(p.t.Context(), receiver, change)
		return err == nil && ok
	})
}
