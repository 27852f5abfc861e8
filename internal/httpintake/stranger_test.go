package httpintake

import (
	"net/http"
	"testing"
)

// While serve runs, a process with another configuration takes an invoice in under the name of a
// tenant. The client of that tenant no longer sees what is under the name.
func TestStranger_NameMeansAnotherTaxpayer_NothingOfItIsShown(t *testing.T) {
	stranger := false
	b := newBench(t, func(o *Options) { o.Stranger = func(tenant string) bool { return stranger && tenant == "one" } })
	sent := b.call("POST", "/v1/invoices", xmlOf(0, "FV/1"), "Content-Type", "application/xml")
	if sent.status != http.StatusAccepted {
		t.Fatalf("the invoice was not taken: %d %s", sent.status, sent.raw)
	}
	id := sent.body.Items[0].ID
	if a := b.call("GET", "/v1/invoices/"+id, nil); a.status != http.StatusOK {
		t.Fatalf("the invoice is not shown: %d %s", a.status, a.raw)
	}
	stranger = true
	if a := b.call("GET", "/v1/invoices", nil); a.status != http.StatusOK || len(a.body.Items) != 0 {
		t.Errorf("the list has %d %s", a.status, a.raw)
	}
	if a := b.call("GET", "/v1/invoices/"+id, nil); a.status != http.StatusNotFound {
		t.Errorf("the invoice: %d %s", a.status, a.raw)
	}
	if a := b.call("GET", "/v1/invoices/"+id+"/xml", nil); a.status != http.StatusNotFound {
		t.Errorf("the document: %d %s", a.status, a.raw)
	}
	if a := b.call("POST", "/v1/invoices/"+id+":dismiss", []byte(`{"reason":"a test"}`), "Content-Type", "application/json"); a.status !=
		http.StatusNotFound {
		t.Errorf("the dismissal should find no invoice: %d %s", a.status, a.raw)
	}
}
