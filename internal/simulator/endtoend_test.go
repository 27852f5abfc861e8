package simulator

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"testing"
	"time"

	"ksefworker/internal/simulator/fa/fatest"
	"ksefworker/internal/simulator/limits"
)

func TestBatch_OpenToReceipt_EndsWithNumbersReceiptAndBooks(t *testing.T) {
	r := newRig(t)
	var documents []string
	for i := range 25 {
		documents = append(documents, faXML(sellerA, fmt.Sprintf("FV/%d", i), today))
	}
	b := r.pack(zipOf(t, documents...), 3).begin()
	if len(b.uploads) != 3 {
		t.Fatalf("the answer has %d uploads, want 3", len(b.uploads))
	}
	b.uploadAll().close()
	if s := r.await(b.id); s.Code != 200 {
		t.Fatalf("status %+v, want 200", s)
	}
	info := r.status(b.id)
	if !*info.Batch || *info.Count != 25 || *info.Success != 25 || *info.Failed != 0 {
		t.Errorf("the session counts %+v, want 25 of 25 accepted", info)
	}
	form := regexp.MustCompile(`^5265877635-20261123-[0-9A-F]{12}-[0-9A-F]{2}$`)
	seen := map[string]bool{}
	for i, got := range r.invoices(b.id) {
		if got.Status.Code != 200 || got.Ordinal != i+1 || got.Number != fmt.Sprintf("FV/%d", i) ||
			got.Mode != "online" || got.Acquisition == "" {
			t.Errorf("the invoice is %+v, want it accepted at its place", got)
		}
		if !form.MatchString(got.KsefNumber) || seen[got.KsefNumber] {
			t.Errorf("number %q (given before: %v), want a new one of the form %s", got.KsefNumber, seen[got.KsefNumber], form)
		}
		seen[got.KsefNumber] = true
		back := r.get("/invoice/get/" + got.KsefNumber)
		if string(back.body) != documents[i] || back.header.Get("Content-Type") != "text/xml" {
			t.Errorf("the document of %s comes back as %s %q, want text/xml and the bytes that were sent",
				got.KsefNumber, back.header.Get("Content-Type"), back.body)
		}
	}
	upo := r.get("/invoice/session/upo/" + b.id)
	checkReceipt(t, upo.body, b.id, 25)
	if again := r.get("/invoice/session/upo/" + b.id); !bytes.Equal(again.body, upo.body) {
		t.Error("the UPO is not the same the second time")
	}
	books := r.sim.Books()
	if len(books.Accepted) != 25 || len(books.Rejected) != 0 || len(books.Sessions) != 1 ||
		books.Sessions[0].Status != 200 || books.Sessions[0].Parts != 3 {
		t.Errorf("the books have %d accepted and %d rejected invoices and the sessions %+v, want 25, 0 and one of 3 parts with status 200",
			len(books.Accepted), len(books.Rejected), books.Sessions)
	}
	n := books.Requests
	if n[limits.BatchSession] != 1 || n[limits.BatchSessionClose] != 1 || n["other:publicKey"] != 1 || n["part"] != 0 {
		t.Errorf("the books count the requests %v, want one open, one close, one for the public key, and no part", n)
	}
}

func TestOnline_OpenToReceipt_EndsWithNumbersReceiptAndBooks(t *testing.T) {
	r := newRig(t, func(o *Options) { o.InvoiceDelay, o.Delay = time.Second, 2*time.Second })
	o := r.openOnline()
	document := faXML(sellerA, "FV/1", today)
	id := o.send(document)
	bad := o.send(swap(t, faXML(sellerA, "FV/2", today), "<P_15>123.00</P_15>", ""))
	seen := []int{o.invoice(id).Status.Code}
	r.clock.add(600 * time.Millisecond)
	seen = append(seen, o.invoice(id).Status.Code)
	r.clock.add(600 * time.Millisecond)
	got := o.invoice(id)
	if seen = append(seen, got.Status.Code); fmt.Sprint(seen) != "[100 150 200]" {
		t.Errorf("statuses %v, want [100 150 200]", seen)
	}
	if refused := o.invoice(bad); refused.Status.Code != 450 || refused.Number != "FV/2" || refused.KsefNumber != "" {
		t.Errorf("the refused invoice is %+v, want code 450 and no KSeF number", refused)
	}
	if s := r.status(o.id).Status.Code; s != 100 {
		t.Errorf("the open session has status %d, want 100", s)
	}
	if a := r.get("/invoice/session/upo/" + o.id); a.status != http.StatusBadRequest {
		t.Errorf("the UPO of an open session is answered with %d, want 400", a.status)
	}
	o.close()
	if s := r.status(o.id).Status.Code; s != 170 {
		t.Errorf("the closed session has status %d, want 170", s)
	}
	r.clock.add(2 * time.Second)
	if s := r.status(o.id); s.Status.Code != 200 || *s.Success != 1 || *s.Failed != 1 || *s.Batch {
		t.Errorf("the session is %+v, want code 200 with one accepted and one refused", s)
	}
	checkReceipt(t, r.get("/invoice/session/upo/"+o.id).body, o.id, 1)
	books := r.sim.Books()
	if len(books.Accepted) != 1 || books.Accepted[0].KsefNumber != got.KsefNumber ||
		len(books.Rejected) != 1 || books.Rejected[0].Code != 450 {
		t.Errorf("the books are %+v, want one accepted and one rejected invoice", books)
	}
	n := books.Requests
	if n[limits.OnlineSession] != 1 || n[limits.OnlineSessionClose] != 1 || n[limits.InvoiceSend] != 2 {
		t.Errorf("the books count the requests %v, want one open, one close and two sends", n)
	}
}

// checkReceipt checks the session and the number of documents in a UPO. Where the Ministry's schema
// is available, it also validates the UPO.
func checkReceipt(t *testing.T, body []byte, session string, documents int) {
	t.Helper()
	var p struct {
		XMLName   xml.Name `xml:"http://upo.schematy.mf.gov.pl/KSeF/v4-3 Potwierdzenie"`
		Sesja     string   `xml:"NumerReferencyjnySesji"`
		Dokumenty []struct {
			Numer string `xml:"NumerKSeFDokumentu"`
			Skrot string `xml:"SkrotDokumentu"`
		} `xml:"Dokument"`
	}
	if err := xml.Unmarshal(body, &p); err != nil {
		t.Fatalf("read UPO %s: %v", body, err)
	}
	if p.Sesja != session || len(p.Dokumenty) != documents {
		t.Errorf("the UPO names session %s and has %d documents, want %s and %d", p.Sesja, len(p.Dokumenty), session, documents)
	}
	fatest.Validate(t, "KSEF_UPO_XSD", os.Getenv("KSEF_UPO_XSD"), body)
}
