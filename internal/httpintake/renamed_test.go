package httpintake

import (
	"net/http"
	"testing"

	"ksefworker/internal/intake"
	"ksefworker/internal/sample"
)

// A tenant was renamed. Its client finds what it handed in under the first name, learns of its
// outcomes, and may hand it in again. The other client still sees nothing of it.
func TestRenamed_TenantWithFormerName_ClientKeepsItsInvoices(t *testing.T) {
	before := newBench(t, nil)
	sent := before.call("POST", "/v1/invoices?ref=order-7", xmlOf(0, "FV/1"), "Content-Type", "application/xml")
	if sent.status != http.StatusAccepted {
		t.Fatalf("%d %s", sent.status, sent.raw)
	}
	id := sent.body.Items[0].ID
	b := newBench(t, func(o *Options) {
		accounts := []intake.Account{{Name: "uno", FormerNames: []string{"one"}, NIP: sample.NIP(0)}, {Name: "two", NIP: sample.NIP(1)}}
		o.Admitter.Ledger, o.Admitter.Queue, o.Admitter.Accounts = before.o.Ledger, before.o.Admitter.Queue, accounts
		o.Ledger, o.Inquiry, o.Actions = before.o.Ledger, before.o.Inquiry, before.o.Actions
		o.Clients[0].Tenants = []string{"uno"}
	})
	for _, path := range []string{"/v1/invoices?tenant=uno", "/v1/invoices?tenant=one", "/v1/invoices", "/v1/invoices?ref=order-7"} {
		if a := b.call("GET", path, nil); a.status != http.StatusOK || len(a.body.Items) != 1 || a.body.Items[0].ID != id {
			t.Errorf("%s: %d %s", path, a.status, a.raw)
		}
		if a := b.call("GET", path, nil, "Authorization", "Bearer "+keyTwo); len(a.body.Items) != 0 {
			t.Errorf("%s shows another client %s", path, a.raw)
		}
	}
	if a := b.call("GET", "/v1/invoices/"+id, nil); a.status != http.StatusOK {
		t.Errorf("%d %s", a.status, a.raw)
	}
	if a := b.call("POST", "/v1/invoices", xmlOf(0, "FV/1"), "Content-Type", "application/xml"); a.status != http.StatusAccepted ||
		!a.body.Items[0].AlreadyHere {
		t.Errorf("handed in again: %d %s", a.status, a.raw)
	}
	if a := b.call("POST", "/v1/invoices/"+id+":dismiss", []byte(`{"reason":"a test"}`), "Content-Type", "application/json"); a.status >= 500 ||
		a.status == http.StatusNotFound {
		t.Errorf("dismiss: %d %s", a.status, a.raw)
	}
}
