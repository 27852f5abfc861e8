package simulator

import (
	"fmt"
	"testing"
	"time"
)

func TestQuery_Result_HasTheAcceptedBytes(t *testing.T) {
	r := newRig(t, func(o *Options) { o.InvoiceDelay = time.Second })
	document := faXML(sellerA, "FV/1", today)
	r.sendBatch(document)
	r.clock.add(time.Minute)
	key := r.secret()
	day := theDay()
	start := func(who *rig, subject string, within m, k secret) (id string) {
		t.Helper()
		var q struct {
			ID string `json:"queryId"`
		}
		r.ok(who.post("/invoice/query/start", m{"encryptionInfo": k.info(), "subjectType": subject, "range": within}), &q)
		return q.ID
	}
	id := start(r, "Subject1", day, key)
	asBuyer := start(r.as("test_"+buyer), "Subject2", day, key)
	asOther := start(r.as("test_"+sellerB), "Subject1", day, key)
	past := start(r, "Subject1", m{"from": "2026-10-01T00:00:00Z", "to": "2026-11-01T00:00:00Z"}, key)
	wrong := key
	wrong.wrapped = []byte("not a key")
	unreadable := start(r, "Subject1", day, wrong)
	if code, _ := r.get("/invoice/query/status/" + id).apiError(); code != 100 {
		t.Errorf("a query that is still processed has code %d, want 100", code)
	}
	r.clock.add(time.Second)
	type status struct {
		Count int      `json:"numberOfInvoices"`
		Size  int      `json:"packageSize"`
		Parts []string `json:"partNumbers"`
	}
	for _, c := range []struct {
		who   *rig
		id    string
		count int
	}{{r, id, 1}, {r.as("test_" + buyer), asBuyer, 1}, {r.as("test_" + sellerB), asOther, 0}, {r, past, 0}} {
		var s status
		r.ok(c.who.get("/invoice/query/status/"+c.id), &s)
		if s.Count != c.count || len(s.Parts) != c.count {
			t.Errorf("the query has the status %+v, want %d invoices and as many parts", s, c.count)
		}
		if c.count == 0 {
			continue
		}
		sealed := c.who.get("/invoice/query/result/" + c.id + "/" + s.Parts[0])
		if len(sealed.body) != s.Size {
			t.Errorf("the result has %d bytes, but its status announced %d", len(sealed.body), s.Size)
		}
		plain, err := decrypt(key.key, key.iv, sealed.body)
		if err != nil {
			t.Fatal(err)
		}
		if files := unzipAll(t, plain); len(files) != 1 || files[0] != document {
			t.Errorf("the result holds the files %v, want the one accepted document", files)
		}
	}
	for path, want := range map[string]int{
		"status/" + unreadable: 415, "status/x": codeNoQuery, "result/" + id + "/2": codeInput, "status/" + asBuyer: codeNoQuery,
	} {
		if code, _ := r.get("/invoice/query/" + path).apiError(); code != want {
			t.Errorf("a request for %s got code %d, want %d", path, code, want)
		}
	}
}

func TestMetadata_Request_GivesPagesByRangeAndRole(t *testing.T) {
	r := newRig(t)
	var documents []string
	for i := range 25 {
		documents = append(documents, faXML(sellerA, fmt.Sprintf("FV/%02d", i), today))
	}
	r.sendBatch(documents...)
	type page struct {
		More     bool              `json:"hasMore"`
		Invoices []invoiceMetadata `json:"invoices"`
	}
	day := theDay()
	ask := func(who *rig, subject string, offset, size int, asc bool) (p page) {
		t.Helper()
		body := m{"subjectType": subject, "range": day, "pageOffset": offset, "pageSize": size, "sortAsc": asc}
		r.ok(who.post("/invoice/metadata", body), &p)
		return p
	}
	first, last, down := ask(r, "Subject1", 0, 10, true), ask(r, "Subject1", 2, 10, true), ask(r, "Subject1", 0, 10, false)
	if len(first.Invoices) != 10 || !first.More || len(last.Invoices) != 5 || last.More || down.Invoices[0].Number != "FV/24" {
		t.Errorf("the first page has %d (more %v), the last %d (more %v), descending begins with %s; want 10 (true), 5 (false) and FV/24",
			len(first.Invoices), first.More, len(last.Invoices), last.More, down.Invoices[0].Number)
	}
	got := first.Invoices[0]
	if got.Number != "FV/00" || got.Seller.Identifier != sellerA || got.Buyer.Name != "Nabywca" ||
		got.Net != 100 || got.VAT != 23 || got.Gross != 123 ||
		got.Type != "VAT" || got.Issued != today || got.Currency != "PLN" || got.Mode != "online" {
		t.Errorf("the record is %+v, want the data of the invoice FV/00", got)
	}
	for who, want := range map[*rig][3]int{
		r.as("test_" + buyer): {0, 10, 0}, r.as("test_" + sellerA): {10, 0, 0}, r.as("test_" + sellerB): {0, 0, 0},
	} {
		for i, subject := range []string{"Subject1", "Subject2", "Subject3"} {
			if n := len(ask(who, subject, 0, 10, true).Invoices); n != want[i] {
				t.Errorf("the query by %s as %s found %d invoices, want %d", who.id, subject, n, want[i])
			}
		}
	}
	for name, change := range map[string]m{
		"a page of 9":                        {"pageSize": 9},
		"a page of 251":                      {"pageSize": 251},
		"an offset below 0":                  {"pageOffset": -1},
		"an unknown role":                    {"subjectType": "subject1"},
		"a range of four months":             {"range": m{"from": "2026-01-01T00:00:00Z", "to": "2026-05-01T00:00:00Z"}},
		"a range that ends before it begins": {"range": m{"from": "2026-02-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}},
		"a range of dates without times":     {"range": m{"from": "2026-02-01", "to": "2026-02-02"}},
	} {
		body := m{"subjectType": "Subject1", "range": day, "pageOffset": 0, "pageSize": 10, "sortAsc": true}
		for k, v := range change {
			body[k] = v
		}
		if a := r.post("/invoice/metadata", body); a.status != 400 {
			t.Errorf("%s: status %d, want 400", name, a.status)
		}
	}
}
