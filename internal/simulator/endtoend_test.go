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
		t.Fatalf("%d uploads", len(b.uploads))
	}
	b.uploadAll().close()
	if s := r.await(b.id); s.Code != 200 {
		t.Fatalf("status %+v, want 200", s)
	}
	info := r.status(b.id)
	if !*info.Batch || *info.Count != 25 || *info.Success != 25 || *info.Failed != 0 {
		t.Errorf("counts %+v", info)
	}
	form := regexp.MustCompile(`^5265877635-20261123-[0-9A-F]{12}-[0-9A-F]{2}$`)
	seen := map[string]bool{}
	for i, got := range r.invoices(b.id) {
		if got.Status.Code != 200 || got.Ordinal != i+1 || got.Number != fmt.Sprintf("FV/%d", i) ||
			got.Mode != "online" || got.Acquisition == "" {
			t.Errorf("invoice %+v", got)
		}
		if !form.MatchString(got.KsefNumber) || seen[got.KsefNumber] {
			t.Errorf("number %q is malformed or given twice", got.KsefNumber)
		}
		seen[got.KsefNumber] = true
		back := r.get("/invoice/get/" + got.KsefNumber)
		if string(back.body) != documents[i] || back.header.Get("Content-Type") != "text/xml" {
			t.Errorf("%s is not what was sent", got.KsefNumber)
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
		t.Errorf("books %+v", books.Sessions)
	}
	n := books.Requests
	if n[limits.BatchSession] != 1 || n[limits.BatchSessionClose] != 1 || n["other:publicKey"] != 1 || n["part"] != 0 {
		t.Errorf("requests %v", n)
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
		t.Errorf("refused %+v", refused)
	}
	if s := r.status(o.id).Status.Code; s != 100 {
		t.Errorf("open session has status %d", s)
	}
	if a := r.get("/invoice/session/upo/" + o.id); a.status != http.StatusBadRequest {
		t.Errorf("UPO of an open session: %d", a.status)
	}
	o.close()
	if s := r.status(o.id).Status.Code; s != 170 {
		t.Errorf("closed session has status %d", s)
	}
	r.clock.add(2 * time.Second)
	if s := r.status(o.id); s.Status.Code != 200 || *s.Success != 1 || *s.Failed != 1 || *s.Batch {
		t.Errorf("status %+v", s)
	}
	checkReceipt(t, r.get("/invoice/session/upo/"+o.id).body, o.id, 1)
	books := r.sim.Books()
	if len(books.Accepted) != 1 || books.Accepted[0].KsefNumber != got.KsefNumber ||
		len(books.Rejected) != 1 || books.Rejected[0].Code != 450 {
		t.Errorf("books %+v", books)
	}
	n := books.Requests
	if n[limits.OnlineSession] != 1 || n[limits.OnlineSessionClose] != 1 || n[limits.InvoiceSend] != 2 {
		t.Errorf("requests %v", n)
	}
}

// checkReceipt reads a UPO and, where the Ministry's schema is available, validates it.
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
		t.Errorf("UPO of session %s with %d documents", p.Sesja, len(p.Dokumenty))
	}
	fatest.Validate(t, "KSEF_UPO_XSD", os.Getenv("KSEF_UPO_XSD"), body)
}
