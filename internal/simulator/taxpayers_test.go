package simulator

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// selfBilled returns an invoice that the buyer issued in the seller's name.
func selfBilled(t testing.TB, seller, number string) string {
	return swap(t, faXML(seller, number, today), "<P_17>2", "<P_17>1")
}

func codes(invoices []invoiceInfo) string {
	var all []string
	for _, i := range invoices {
		all = append(all, fmt.Sprint(i.Status.Code))
	}
	return strings.Join(all, " ")
}

// With the seller's permission, the buyer may send a self-billed invoice in the buyer's own
// context. The seller may never send one.
func TestSelfBilling_Sender_IsTheBuyerWithTheSellersPermission(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Grants = []Grant{{From: sellerA, To: buyer}} })
	mine := swap(t, faXML(buyer, "K/1", today), `Podmiot2>
  <DaneIdentyfikacyjne><NIP>`+buyer, `Podmiot2>
  <DaneIdentyfikacyjne><NIP>`+sellerB)
	id, _ := r.as("test_"+buyer).sendBatch(
		selfBilled(t, sellerA, "S/1"), selfBilled(t, sellerB, "S/2"), mine, faXML(sellerA, "S/3", today))
	list := r.as("test_" + buyer).invoices(id)
	if got := codes(list); got != "200 410 200 410" {
		t.Errorf("in the buyer's context the invoices ended with the codes %s, want 200 410 200 410", got)
	}
	if !strings.HasPrefix(list[0].KsefNumber, sellerA+"-") {
		t.Errorf("the KSeF number of the self-billed invoice is %s, want one with the seller's NIP", list[0].KsefNumber)
	}
	id, _ = r.as("test_"+sellerA).sendBatch(selfBilled(t, sellerA, "S/4"), faXML(sellerA, "S/5", today))
	if got := codes(r.as("test_" + sellerA).invoices(id)); got != "410 200" {
		t.Errorf("in the seller's context the invoices ended with the codes %s, want 410 200", got)
	}
	// The identity of an invoice has the seller's NIP, whoever issues the invoice.
	id, _ = r.as("test_" + sellerA).sendBatch(faXML(sellerA, "S/1", today))
	if got := codes(r.as("test_" + sellerA).invoices(id)); got != "440" {
		t.Errorf("an invoice of the seller with the number of the self-billed one ended with the code %s, want 440", got)
	}
	// With a key that is good for any seller, the session belongs to the issuer of the first
	// invoice.
	id, _ = r.sendBatch(selfBilled(t, sellerA, "S/6"), faXML(sellerA, "S/7", today))
	if got := codes(r.invoices(id)); got != "200 410" {
		t.Errorf("with a key for any seller the invoices ended with the codes %s, want 200 410", got)
	}
}

func TestSelfBilling_InTheRegister_TheSenderIsSubject2(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Grants = []Grant{{From: sellerA, To: buyer}} })
	r.as("test_" + buyer).sendBatch(selfBilled(t, sellerA, "S/1"))
	for _, c := range []struct {
		id, subject string
		count       int
	}{
		{"test_" + buyer, "Subject1", 0}, {"test_" + buyer, "Subject2", 1},
		{"test_" + sellerA, "Subject1", 1}, {"test_" + sellerA, "Subject2", 0},
	} {
		var page struct {
			Invoices []invoiceMetadata `json:"invoices"`
		}
		first := m{"subjectType": c.subject, "range": theDay(), "pageOffset": 0, "pageSize": 10, "sortAsc": true}
		r.ok(r.as(c.id).post("/invoice/metadata", first), &page)
		if len(page.Invoices) != c.count {
			t.Errorf("the query by %s as %s found %d invoices, want %d", c.id, c.subject, len(page.Invoices), c.count)
		}
	}
}

func TestTaxRepresentative_WithoutThePermission_IsRefused(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Grants = []Grant{{From: sellerA, To: sellerB, Scope: TaxRepresentative}} })
	agent := func(number, nip string) string {
		return swap(t, faXML(sellerA, number, today), " <Fa>", ` <PodmiotUpowazniony><DaneIdentyfikacyjne><NIP>`+nip+
			`</NIP><Nazwa>Agent</Nazwa></DaneIdentyfikacyjne><Adres><KodKraju>PL</KodKraju><AdresL1>a</AdresL1></Adres>`+
			`<RolaPU>3</RolaPU></PodmiotUpowazniony><Fa>`)
	}
	id, _ := r.as("test_"+sellerB).sendBatch(agent("A/1", sellerB), agent("A/2", buyer), faXML(sellerA, "A/3", today))
	if got := codes(r.as("test_" + sellerB).invoices(id)); got != "200 410 410" {
		t.Errorf("the invoices with and without the permission ended with the codes %s, want 200 410 410", got)
	}
}

func TestTaxpayer_RaisedLimits_HoldForNobodyElse(t *testing.T) {
	r := newRig(t, func(o *Options) {
		o.Taxpayers = []Taxpayer{{NIP: sellerA, MaxInvoice: 1_500_000, MaxInvoiceWithAttachment: 4_000_000, MaxSessionInvoices: 3}}
	})
	large := func(seller, number string, size int) string {
		return swap(t, faXML(seller, number, today), "<Fa>", "<!--"+strings.Repeat("x", size)+"--><Fa>")
	}
	a, b := r.as("test_"+sellerA), r.as("test_"+sellerB)
	id, _ := a.sendBatch(large(sellerA, "L/1", 1_400_000), large(sellerA, "L/2", 1_600_000),
		withAttachment(t, large(sellerA, "L/3", 3_900_000)))
	if got := codes(a.invoices(id)); got != "200 430 200" {
		t.Errorf("the invoices of the taxpayer with raised limits ended with %s, want 200 430 200", got)
	}
	id, _ = b.sendBatch(large(sellerB, "L/4", 1_400_000), withAttachment(t, large(sellerB, "L/5", 3_900_000)),
		faXML(sellerB, "L/6", today))
	if got := codes(b.invoices(id)); got != "430 430 200" {
		t.Errorf("the invoices of the taxpayer with the usual limits ended with %s, want 430 430 200", got)
	}
	var four []string
	for i := range 4 {
		four = append(four, faXML(sellerA, fmt.Sprint("M/", i), today))
	}
	if _, end := a.sendBatch(four...); end.Code != 420 {
		t.Errorf("a package of 4 invoices where 3 are allowed ended with code %d, want 420", end.Code)
	}
}

func TestOptions_WrongTaxpayersAndGrants_AreNamed(t *testing.T) {
	_, err := New(Options{
		Taxpayers: []Taxpayer{{NIP: "1"}},
		Grants:    []Grant{{From: sellerA, To: "2"}, {From: sellerA, To: buyer, Scope: "All"}},
	})
	var f *FieldError
	if !errors.As(err, &f) {
		t.Fatal(err)
	}
	for _, want := range []string{"Taxpayer.NIP", "Grant.To", "Grant.Scope"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want one that names %s", err, want)
		}
	}
}
