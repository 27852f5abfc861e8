package page_test

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"ksefworker/internal/ledger"
	"ksefworker/internal/page"
)

func TestSeen_OpenItemsThatAreMarked_SayByWhomAndCanBeLeftOut(t *testing.T) {
	w := newWorld(t, nil)
	one, two := w.take("A", sellerA, "ONE/1", ledger.Rejected, "x"), w.take("A", sellerA, "TWO/1", ledger.Parked, "x")
	other, ref := w.take("B", sellerB, "OTHER/1", ledger.Rejected, "x"), w.refuse("A", "REF/1")
	w.refuse("A", "REF/2")
	p := w.as("adam")
	status, _, h := p.post("/open", url.Values{"do": {"seen"}, "id": {one, "A|" + ref}, "tenant": {"A"}, "seen": {"no"}})
	if to := h.Get("Location"); status != http.StatusSeeOther || to != "/open?done=2&seen=no&tenant=A" {
		t.Fatalf("marking two items has status %d and leads to %s, want 303 to the items that nobody has seen", status, to)
	}
	_, body, _ := p.get("/open")
	if strings.Count(body, "Seen by adam") != 2 {
		t.Errorf("%d items are shown as seen, want 2", strings.Count(body, "Seen by adam"))
	}
	_, body, _ = p.get("/open?seen=no")
	for number, want := range map[string]bool{"ONE/1": false, "TWO/1": true, "REF/1<": false, "REF/2<": true} {
		if strings.Contains(body, number) != want {
			t.Errorf("the list of items that nobody has seen has %s: %v, want %v", number, !want, want)
		}
	}
	if _, body, _ = p.get("/open.csv?seen=no"); strings.Contains(body, "ONE/1") || !strings.Contains(body, "TWO/1") {
		t.Error("the export of items that nobody has seen has ONE/1, which was seen, or lacks TWO/1")
	}
	if status, _, _ := p.post("/invoices/"+two+"/seen", nil); status != http.StatusSeeOther {
		t.Errorf("marking one invoice has status %d, want 303", status)
	}
	if _, body, _ = p.get("/invoices/" + two); !strings.Contains(body, "Seen by adam") || !strings.Contains(body, two+"/unseen") {
		t.Error("the page of the invoice does not say who has seen it, or offers no way to take the mark away")
	}
	p.post("/invoices/"+two+"/unseen", nil)
	if _, body, _ = p.get("/invoices/" + two); strings.Contains(body, "Seen by adam") {
		t.Error("after the mark was taken away, the page still shows it")
	}
	for _, path := range []string{"/invoices/" + other + "/seen", "/invoices/" + one + "/look"} {
		if status, _, _ := p.post(path, nil); status != http.StatusNotFound {
			t.Errorf("%s has status %d, want 404", path, status)
		}
	}
	if status, _, _ := w.as("anna").post("/invoices/"+one+"/seen", nil); status != http.StatusForbidden {
		t.Errorf("a viewer marks an item: status %d, want 403", status)
	}
	p.post("/invoices/"+one+"/retry", nil)
	entries, _, err := w.audit.List(t.Context(), "", time.Time{}, 4)
	w.check(err)
	var record []string
	for _, e := range entries {
		record = append(record, e.Who+" "+e.What)
	}
	if got := strings.Join(record, ", "); got != "adam retry, anna login, adam not seen, adam seen" || entries[3].ID != two {
		t.Errorf("the audit log has %s; want adam retry, anna login, and adam not seen and seen for TWO/1", got)
	}
	if status, _, _ := p.post("/invoices/"+one+"/seen", nil); status != http.StatusConflict {
		t.Errorf("marking an invoice that is not open has status %d, want 409", status)
	}
}

// cells reads the only sheet of a spreadsheet.
func cells(t *testing.T, body string) (name string, rows [][]string) {
	t.Helper()
	f, err := excelize.OpenReader(bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	name = f.GetSheetName(0)
	if rows, err = f.GetRows(name); err != nil {
		t.Fatal(err)
	}
	return name, rows
}

func TestExport_XLSX_HasTheRowsOfTheListAndTextStaysText(t *testing.T) {
	w := newWorld(t, nil)
	w.take("A", sellerA, "=1+1", ledger.Rejected, "Błąd")
	w.take("A", sellerA, "FV/2", ledger.Queued, "")
	w.refuse("A", "REF/1")
	w.take("B", sellerB, "SECRET/1", ledger.Rejected, "x")
	p := w.as("anna")
	_, body, h := p.get("/open.xlsx", "Accept-Language", "pl")
	if got := h.Get("Content-Disposition"); got != `attachment; filename="open.xlsx"` {
		t.Errorf("the export has the Content-Disposition %s, want the file open.xlsx", got)
	}
	name, rows := cells(t, body)
	if name != "Do wyjaśnienia" || len(rows) != 3 || rows[0][0] != "Podatnik" || rows[1][3] != "=1+1" || rows[1][7] != "Błąd" ||
		rows[1][6] != "450" || rows[2][3] != "REF/1" {
		t.Errorf("the sheet %s has the rows %q, want Do wyjaśnienia with the two open items of tenant A", name, rows)
	}
	_, body, _ = p.get("/invoices.xlsx?state=queued")
	if name, rows = cells(t, body); name != "Invoices" || len(rows) != 2 || rows[1][1] != "FV/2" || rows[1][2] != "Queued" {
		t.Errorf("the sheet %s has the rows %q, want the sheet Invoices with the queued invoice FV/2", name, rows)
	}
	if _, body, _ = p.get("/invoices.csv?q=" + url.QueryEscape("=1+1")); !strings.Contains(body, ";'=1+1;") {
		t.Errorf("the CSV does not guard the formula: %s", body)
	}
}

func TestReadable_FormAndPDF_AreOfTheDocument(t *testing.T) {
	var asked []string
	w := newWorld(t, func(o *page.Options) {
		o.Tenants[0].PDF = true
		o.PDF = pdfOf(&asked)
	})
	mine, other := w.take("A", sellerA, "FV/1", ledger.Queued, ""), w.take("B", sellerB, "FV/2", ledger.Queued, "")
	p := w.as("olga")
	_, body, h := p.get("/invoices/"+mine+"/form", "Accept-Language", "en")
	if !strings.Contains(body, "To jest wizualizacja") || !strings.Contains(h.Get("Content-Security-Policy"), "img-src data:") ||
		strings.Contains(h.Get("Content-Security-Policy"), "script-src") {
		t.Errorf("the form is %.200s, with the policy %s; want a form in Polish that runs no script",
			body, h.Get("Content-Security-Policy"))
	}
	if status, body, h := p.get("/invoices/"+mine+"/pdf", "Accept-Language", "pl"); status != 200 || body != "%PDF-1.4" ||
		h.Get("Content-Type") != "application/pdf" {
		t.Errorf("the PDF has status %d, want 200: %.100s", status, body)
	}
	if got := strings.Join(asked, ""); got != "pl <Faktura>FV/1</Faktura> offline true" {
		t.Errorf("the gateway was asked for %q, want the document in Polish, and offline because it has no KSeF number", got)
	}
	if status, _, _ := p.get("/invoices/" + other + "/pdf"); status != http.StatusNotFound {
		t.Errorf("the PDF for a tenant without PDFs: status %d, want 404", status)
	}
	if _, body, _ := p.get("/invoices/" + other); strings.Contains(body, "/pdf") || !strings.Contains(body, "/form") {
		t.Error("the page of an invoice without a PDF links a PDF, or does not link the form")
	}
}
