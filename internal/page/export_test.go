package page_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"ksefworker/internal/inquiry"
	"ksefworker/internal/ledger"
	"ksefworker/internal/page"
)

// numbersIn returns the cells of one column of a CSV file, without its head. Columns count from 0.
func numbersIn(csv string, column int) (all []string) {
	lines := strings.Split(strings.TrimSpace(csv), "\n")
	for _, line := range lines[1:] {
		all = append(all, strings.Split(line, ";")[column])
	}
	return all
}

func TestExport_MoreThanAPiece_HasEveryRowOnce(t *testing.T) {
	w := newWorld(t, nil)
	const n = 5200
	w.fill(n, 2, ledger.Dismissed) // of tenant-000 and tenant-001, which the configuration lacks
	p := w.as("olga")
	for _, path := range []string{"/invoices.csv", "/invoices.csv?state=dismissed&tenant=tenant-001"} {
		status, body, h := p.get(path)
		got, want := map[string]int{}, n
		for _, number := range numbersIn(body, 1) {
			got[number]++
		}
		if strings.Contains(path, "tenant=") {
			want = n / 2
		}
		if status != 200 || len(got) != want || len(numbersIn(body, 1)) != want || h.Get("Content-Disposition") !=
			`attachment; filename="invoices.csv"` {
			t.Errorf("%s: status %d, want 200; %d numbers in %d rows, want %d; Content-Disposition %s, want the file invoices.csv",
				path, status, len(got), len(numbersIn(body, 1)), want, h.Get("Content-Disposition"))
		}
	}
	_, body, _ := p.get("/invoices.xlsx")
	if _, rows := cells(t, body); len(rows) != n+1 {
		t.Errorf("the spreadsheet has %d rows, want %d with the head", len(rows), n+1)
	}
}

// restless is a reader that lets invoices change while they are listed.
type restless struct {
	page.Inquiry
	before func(w inquiry.Window)
	after  func(*inquiry.Found) // may be nil
}

func (r *restless) Latest(ctx context.Context, w inquiry.Window) (inquiry.Found, error) {
	r.before(w)
	found, err := r.Inquiry.Latest(ctx, w)
	if r.after != nil {
		r.after(&found)
	}
	return found, err
}

func TestExport_InvoicesChangeMeanwhile_NoneIsMissing(t *testing.T) {
	r := &restless{}
	w := newWorld(t, func(o *page.Options) { r.Inquiry, o.Inquiry = o.Inquiry, r })
	for i := range 1100 { // an export reads them in more than one piece
		w.take("A", sellerA, fmt.Sprintf("FV/%04d", i), ledger.Rejected, "x")
	}
	w.take("A", sellerA, "LATE", ledger.Rejected, "x")
	pieces := 0
	oldest := map[string]bool{}
	r.before = func(inquiry.Window) {
		if pieces++; pieces == 2 { // the oldest have not been listed yet
			for i := range 3 {
				number := fmt.Sprintf("FV/%04d", i)
				oldest[number] = true
				invs, err := r.Find(context.Background(), number)
				w.check(err)
				w.check(w.ledger.Move(context.Background(), ledger.Move{ID: invs[0].ID, Rev: invs[0].Rev, To: ledger.Dismissed}))
			}
		}
	}
	_, body, _ := w.as("anna").get("/invoices.csv")
	times := map[string]int{}
	for _, number := range numbersIn(body, 1) {
		times[number]++
	}
	for number := range oldest {
		if times[number] != 1 {
			t.Errorf("%s, which changed meanwhile, is in the export %d times, want once", number, times[number])
		}
	}
	if len(times) != 1101 || pieces < 3 {
		t.Errorf("the export has %d invoices in %d pieces, want 1101 in three or more", len(times), pieces)
	}
}

func TestExport_RedisFailsMidway_TheFileIsNotWhole(t *testing.T) {
	r := &restless{}
	w := newWorld(t, func(o *page.Options) { r.Inquiry, o.Inquiry = o.Inquiry, r })
	w.fill(1100, 1, ledger.Dismissed)
	pieces := 0
	r.before = func(inquiry.Window) {
		if pieces++; pieces == 2 {
			w.check(w.rdb.Close())
		}
	}
	p := w.as("olga")
	res, err := p.client.Get(p.url + "/invoices.csv")
	w.check(err)
	defer res.Body.Close()
	if body, err := io.ReadAll(res.Body); err == nil {
		t.Errorf("the export ended without an error after %d bytes, want the download to break off", len(body))
	}
	if !strings.Contains(w.log.String(), "an export was broken off") {
		t.Errorf("the log does not tell that the export was broken off: %s", w.log)
	}
}

// invoiceFor returns a document with a buyer.
func invoiceFor(number, buyer string) []byte {
	return fmt.Appendf(nil, `<?xml version="1.0" encoding="UTF-8"?><Faktura xmlns="http://crd.gov.pl/wzor/2025/06/25/13775/">`+
		`<Podmiot1><DaneIdentyfikacyjne><NIP>%s</NIP></DaneIdentyfikacyjne></Podmiot1>`+
		`<Podmiot2><DaneIdentyfikacyjne><NIP>%s</NIP><Nazwa>Nabywca</Nazwa></DaneIdentyfikacyjne></Podmiot2>`+
		`<Fa><P_2>%s</P_2></Fa></Faktura>`, sellerA, buyer, number)
}

func TestSearch_Buyer_IsReadFromTheDocuments(t *testing.T) {
	const buyer, another = "7352747083", "5265877635"
	w := newWorld(t, func(o *page.Options) {
		o.Document = func(_ context.Context, inv *ledger.Invoice) ([]byte, error) {
			switch {
			case strings.HasPrefix(inv.Number, "GONE"):
				return nil, ledger.ErrNotFound
			case strings.HasSuffix(inv.Number, "7"):
				return invoiceFor(inv.Number, buyer), nil
			}
			return invoiceFor(inv.Number, another), nil
		}
	})
	for i := range 230 { // the search reads them in more than two pieces
		w.take([]string{"A", "B"}[i%2], []string{sellerA, sellerB}[i%2], fmt.Sprintf("FV/%03d", i), ledger.Rejected, "")
	}
	w.take("A", sellerA, "GONE/7", ledger.Rejected, "")
	p := w.as("olga")
	for path, want := range map[string]int{"buyer=" + buyer: 23, "buyer=PL+735-274-70-83": 23, "buyer=" + buyer + "&tenant=A": 0,
		"buyer=" + buyer + "&q=FV%2F007": 1, "buyer=" + another + "&q=FV%2F007": 0, "buyer=" + buyer + "&q=FV%2F1": 10,
		"buyer=" + buyer + "&state=queued": 0, "buyer=" + another + "&tenant=A": 115} {
		if found, _ := p.numbers("/invoices?" + path); len(found) != want {
			t.Errorf("%s finds %d invoices, want %d", path, len(found), want)
		}
		if _, body, _ := p.get("/invoices.csv?" + path); len(numbersIn(body, 1)) != want {
			t.Errorf("%s exports %d invoices, want %d", path, len(numbersIn(body, 1)), want)
		}
	}
	if _, body, _ := p.get("/invoices?buyer=" + buyer); !strings.Contains(body, "their buyer is not known: 1.") ||
		!strings.Contains(body, "buyer="+buyer) {
		t.Error("the page does not say that the buyer of one document is not known, or its link to the export lacks the buyer")
	}
	if found, _ := w.as("anna").numbers("/invoices?buyer=" + buyer); len(found) != 0 {
		t.Errorf("anna may not see these invoices, but finds %q", found)
	}
	if status, body, _ := p.get("/invoices?buyer=12", "Accept-Language", "pl"); status != http.StatusBadRequest ||
		!strings.Contains(body, "NIP składa się z dziesięciu cyfr") {
		t.Errorf("a NIP of two digits: status %d, want 400 and words in Polish", status)
	}
}
