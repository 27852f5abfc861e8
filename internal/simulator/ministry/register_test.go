package ministry

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"ksefworker/internal/simulator/fa/fatest"
)

func theDay(dateType string) m {
	return m{"dateType": dateType, "from": "2026-11-23T00:00:00+01:00", "to": "2026-11-24T00:00:00"}
}

type metadataPage struct {
	More      bool     `json:"hasMore"`
	Truncated bool     `json:"isTruncated"`
	Mark      *string  `json:"permanentStorageHwmDate"`
	Invoices  []record `json:"invoices"`
}

func (r *rig) metadata(filter m, query string) metadataPage {
	r.t.Helper()
	var p metadataPage
	r.ok(r.post("/invoices/query/metadata"+query, filter), http.StatusOK, &p)
	return p
}

func TestRegister_ByExactNumber_FindsOneWithItsHash(t *testing.T) {
	r := newRig(t, Options{}).loggedIn(nipA)
	session, s := r.openOnline()
	for i := range 12 {
		r.send(session, s, fatest.Invoice(nipA, fmt.Sprintf("FV/%d", i+1), today))
	}
	document := fatest.Invoice(nipA, "FV/1", today)
	p := r.metadata(m{"subjectType": "Subject1", "dateRange": theDay("Invoicing"), "invoiceNumber": "FV/1", "sellerNip": nipA}, "")
	if len(p.Invoices) != 1 || p.Invoices[0].Hash != base64Of(hashOf([]byte(document))) || p.More || p.Mark != nil {
		t.Fatalf("the query by number found %+v, want one invoice with its hash", p)
	}
	found := p.Invoices[0]
	if found.Type != "Vat" || found.Gross != 123 || found.Seller.NIP != nipA || found.Form.System != "FA (3)" ||
		found.Buyer.Identifier.Value != fatest.Buyer {
		t.Errorf("the record of the invoice is %+v, want the data of the document", found)
	}
	a := r.get("/invoices/ksef/" + found.KsefNumber)
	if a.status != http.StatusOK || string(a.body) != document || a.header.Get(hashHeader) != found.Hash {
		t.Errorf("the download of the invoice got HTTP %d %s, want the document and its hash", a.status, a.body)
	}
	if a := r.with("").loggedIn(nipB).get("/invoices/ksef/" + found.KsefNumber); a.code() != 21164 {
		t.Errorf("the download of another taxpayer's invoice got HTTP %d %s, want code 21164", a.status, a.body)
	}
	bought := r.with("").loggedIn(fatest.Buyer).metadata(m{"subjectType": "Subject2", "dateRange": theDay("Issue")}, "")
	if len(bought.Invoices) != 10 || !bought.More {
		t.Errorf("a query by the buyer found %d invoices and says that there are more: %v, want 10 and true",
			len(bought.Invoices), bought.More)
	}
}

func TestRegister_Pages_HaveTheOrderAskedFor(t *testing.T) {
	r := newRig(t, Options{}).loggedIn(nipA)
	session, s := r.openOnline()
	for i := range 25 {
		r.send(session, s, fatest.Invoice(nipA, fmt.Sprintf("FV/%d", i+1), today))
		r.clock.add(time.Second)
	}
	r.clock.add(5 * time.Second)
	filter := m{"subjectType": "Subject1", "dateRange": theDay("PermanentStorage")}
	var numbers []string
	for page := 0; ; page++ {
		p := r.metadata(filter, fmt.Sprintf("?pageOffset=%d&pageSize=10&sortOrder=Desc", page))
		if p.Mark == nil {
			t.Error("the page does not say up to which time the register is complete")
		}
		for _, i := range p.Invoices {
			numbers = append(numbers, i.Number)
		}
		if !p.More {
			break
		}
	}
	if len(numbers) != 25 || numbers[0] != "FV/25" || numbers[24] != "FV/1" {
		t.Errorf("the numbers are %v, want FV/25 down to FV/1", numbers)
	}
}

func TestRegister_BadQueries_AreRefused(t *testing.T) {
	r := newRig(t, Options{}).loggedIn(nipA)
	with := func(change func(m)) m {
		filter := m{"subjectType": "Subject1", "dateRange": theDay("Invoicing")}
		change(filter)
		return filter
	}
	for name, c := range map[string]struct {
		filter m
		query  string
		code   int
	}{
		"an unknown subjectType":             {with(func(f m) { f["subjectType"] = "Seller" }), "", 21405},
		"an unknown dateType":                {with(func(f m) { f["dateRange"].(m)["dateType"] = "Sale" }), "", 21405},
		"a range of more than three months":  {with(func(f m) { f["dateRange"].(m)["from"] = "2026-07-01T00:00:00Z" }), "", 21405},
		"a range that ends before it begins": {with(func(f m) { f["dateRange"].(m)["to"] = "2026-11-01T00:00:00Z" }), "", 21405},
		"a field of the gateway's contract":  {with(func(f m) { f["range"] = m{} }), "", 21405},
		"a page size of five":                {with(func(m) {}), "?pageSize=5", 21405},
		"an unknown sortOrder":               {with(func(m) {}), "?sortOrder=Up", 21405},
		"a range that begins after the high-water mark": {with(func(f m) {
			f["dateRange"] = m{
				"dateType": "PermanentStorage", "from": "2026-11-24T00:00:00Z", "to": "2026-11-25T00:00:00Z",
				"restrictToPermanentStorageHwmDate": true,
			}
		}), "", 21183},
		"no range":                            {m{"subjectType": "Subject1"}, "", 21405},
		"a dateRange.from that is not a date": {with(func(f m) { f["dateRange"].(m)["from"] = "yesterday" }), "", 21405},
	} {
		if a := r.post("/invoices/query/metadata"+c.query, c.filter); a.status != http.StatusBadRequest || a.code() != c.code {
			t.Errorf("with %s the query got HTTP %d %s, want 400 and code %d", name, a.status, a.body, c.code)
		}
	}
}
