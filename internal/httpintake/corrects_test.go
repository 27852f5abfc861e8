package httpintake

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
)

// otherXML returns another document with the seller, number and day of xmlOf.
func otherXML(tenant int, number string) []byte {
	return sample.Invoice(sample.Options{SellerNIP: sample.NIP(tenant), Number: number, IssueDate: "2026-11-23", Seed: 9})
}

// The invoices of the first tenant go straight to KSeF. Those of the second tenant go through the
// gateway, which has no technical corrections. KSeF has rejected invoices of both tenants.
func TestSubmit_TechnicalCorrection_IsTakenForTheDirectTransportAndRefusedForTheGateway(t *testing.T) {
	b := newBench(t, func(o *Options) { o.Admitter.Accounts[0].Corrections = true })
	rejected := func(tenant int, number string) ledger.Invoice {
		id := b.take(tenant, number, "?offline=true")
		b.must(b.o.Ledger.Move(t.Context(), ledger.Move{ID: id, To: ledger.Rejected, Edit: ledger.Because(450, "P_15")}))
		inv, err := b.o.Ledger.Invoice(t.Context(), id)
		b.must(err)
		return inv
	}
	one, two, through := rejected(0, "FV/1"), rejected(0, "FV/2"), rejected(1, "FV/3")
	sum, err := base64.StdEncoding.DecodeString(two.Hash)
	b.must(err)

	a := b.call("POST", "/v1/invoices", jsonOf(t,
		map[string]any{"xml": string(otherXML(0, "FV/1")), "ref": "SO-1", "corrects": one.ID},
		map[string]any{"xml_base64": otherXML(0, "FV/2"), "corrects": base64.StdEncoding.EncodeToString(sum)},
		map[string]any{"xml": string(otherXML(0, "FV/1")), "corrects": two.ID},
		map[string]any{"xml": string(otherXML(0, "FV/1")), "corrects": one.ID, "lane": "bulk"},
	), "Content-Type", "application/json")
	b.want(a, http.StatusMultiStatus, "")
	for i, old := range []ledger.Invoice{one, two} {
		inv, err := b.o.Ledger.Invoice(t.Context(), a.body.Items[i].ID)
		if err != nil || inv.Corrects != old.Hash || inv.Lane != ledger.Express || inv.State != ledger.Queued {
			t.Errorf("item %d of %s has the entry %+v, %v, want it queued, express, and a correction of %s", i, a.raw, inv, err, old.ID)
		}
	}
	for i, says := range []string{"has the same seller, kind and number", "in an online session only"} {
		if r := a.body.Items[2+i].Refusal; r == nil || r.Faults[0].Field != "corrects" || !strings.Contains(r.Faults[0].Rule, says) {
			t.Errorf("item %d is not refused as wanted: %s, want field corrects and %q", 2+i, a.raw, says)
		}
	}

	// A call with one document has no field for this. It uses the query parameter "corrects".
	a = b.post(otherXML(1, "FV/3"), "?corrects="+through.ID, "Authorization", "Bearer "+keyTwo)
	b.want(a, http.StatusUnprocessableEntity, "refused")
	if r := a.body.Items[0].Refusal; r == nil || r.Faults[0].Field != "corrects" ||
		!strings.Contains(r.Faults[0].Rule, "cannot be done over the gateway, which tenant two uses") ||
		!strings.Contains(r.Faults[0].Hint, "transport: direct") {
		t.Errorf("the refusal does not say that the gateway has no corrections: %s", a.raw)
	}
	if ids, err := b.o.Ledger.ByNumber(t.Context(), "FV/3"); err != nil || len(ids) != 1 {
		t.Errorf("a refused correction is in the ledger: %v, %v", ids, err)
	}
}

// The query parameter "corrects" applies to a document in JSON too, unless the document has a field
// "corrects" of its own.
func TestSubmit_CorrectsInTheQuery_HoldsForJSONToo(t *testing.T) {
	b := newBench(t, func(o *Options) { o.Admitter.Accounts[0].Corrections = true })
	var old [2]ledger.Invoice
	for i, number := range []string{"FV/1", "FV/2"} {
		id := b.take(0, number, "?offline=true")
		b.must(b.o.Ledger.Move(t.Context(), ledger.Move{ID: id, To: ledger.Rejected, Edit: ledger.Because(450, "P_15")}))
		var err error
		old[i], err = b.o.Ledger.Invoice(t.Context(), id)
		b.must(err)
	}
	a := b.call("POST", "/v1/invoices?corrects="+old[0].ID, jsonOf(t,
		map[string]any{"xml": string(otherXML(0, "FV/1"))},
		map[string]any{"xml": string(otherXML(0, "FV/2")), "corrects": old[1].ID},
		map[string]any{"xml": string(xmlOf(0, "FV/3"))},
	), "Content-Type", "application/json")
	b.want(a, http.StatusMultiStatus, "")
	for i := range old {
		inv, err := b.o.Ledger.Invoice(t.Context(), a.body.Items[i].ID)
		if err != nil || inv.Corrects != old[i].Hash {
			t.Errorf("item %d of %s has the entry %+v, %v, want a correction of its own invoice", i, a.raw, inv, err)
		}
	}
	if r := a.body.Items[2].Refusal; r == nil || r.Faults[0].Field != "corrects" {
		t.Errorf("a correction whose number is not that of the rejected invoice should be refused for field corrects: %s", a.raw)
	}
	a = b.call("POST", "/v1/invoices?corrects=inv-aaaaaaaa", jsonOf(t, map[string]any{"xml": string(xmlOf(0, "FV/4"))}),
		"Content-Type", "application/json")
	if b.want(a, http.StatusUnprocessableEntity, "refused"); a.body.Items[0].Refusal.Faults[0].Field != "corrects" {
		t.Errorf("a correction of an unknown invoice should be refused for field corrects: %s", a.raw)
	}
}
