package page_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"ksefworker/internal/archive"
	"ksefworker/internal/ledger"
	"ksefworker/internal/page"
	"ksefworker/internal/records"
	"ksefworker/internal/results"
)

// withArchive starts a page on an archive that the test can write.
func withArchive(t *testing.T) (*world, archive.Store) {
	store, err := archive.Open(t.Context(), "file://"+t.TempDir(), archive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return newWorld(t, func(o *page.Options) { o.Records = &records.Reader{Store: store} }), store
}

// The entry of an invoice is gone, although the index of its state still lists the invoice. People
// see what the archive has of it, but only people who may see its tenant.
func TestInvoice_EntryIsGoneAndTheArchiveHasIt_IsShownFromThere(t *testing.T) {
	w, store := withArchive(t)
	id := w.takeIssued("B", sellerB, "TWO/1", "2026-01-05")
	w.check(w.ledger.Move(t.Context(), ledger.Move{ID: id, To: ledger.Packed}))
	const number = "5265877635-20260105-0100A0DB5B00-39"
	w.check(w.ledger.Move(t.Context(), ledger.Move{ID: id, To: ledger.Accepted, Edit: ledger.Edit{}.Number(number)}))
	_, err := w.ledger.Receipt(t.Context(), []string{id}, "file:///upo.xml")
	w.check(err)
	inv, err := w.ledger.Invoice(t.Context(), id)
	w.check(err)
	raw, err := json.Marshal(results.Of(inv, "test"))
	w.check(err)
	w.check(store.Put(t.Context(), archive.ResultName(sellerB, "2026-01-05", id), raw, ""))
	w.check(w.rdb.Del(t.Context(), "ksef:inv:"+id).Err())
	olga, adam := w.as("olga"), w.as("adam")
	status, body, _ := olga.get("/invoices/" + id)
	if status != http.StatusOK || !strings.Contains(body, number) || !strings.Contains(body, "entry of this invoice is damaged") {
		t.Errorf("the page has status %d, want 200, the KSeF number, and the words that the entry is damaged: %s", status, body)
	}
	if status, _, _ := adam.get("/invoices/" + id); status != http.StatusNotFound {
		t.Errorf("a person who may not see the tenant gets status %d, want 404", status)
	}
	if _, body, _ = olga.get("/invoices?q=" + url.QueryEscape("TWO/1")); !strings.Contains(body, `href="/invoices/`+id+`"`) {
		t.Errorf("a search does not name the invoice: %s", body)
	}
	if _, body, _ = adam.get("/invoices?q=" + id); strings.Contains(body, `href="/invoices/`+id+`"`) {
		t.Errorf("a search by a person who may not see the tenant names the invoice: %s", body)
	}
}

func TestInvoice_EntryIsGoneAndTheArchiveLacksIt_IsCalledDamagedAndNothingIsDone(t *testing.T) {
	w, _ := withArchive(t)
	id := w.take("A", sellerA, "ONE/1", ledger.Parked, "x")
	w.check(w.rdb.Del(t.Context(), "ksef:inv:"+id).Err())
	olga := w.as("olga")
	status, body, _ := olga.get("/invoices/" + id)
	if status != http.StatusServiceUnavailable || !strings.Contains(body, "its entry is damaged") {
		t.Errorf("the page has status %d, want 503 and the words that the entry is damaged: %s", status, body)
	}
	for _, verb := range []string{"retry", "dismiss", "seen"} {
		status, body, _ := olga.post("/invoices/"+id+"/"+verb, url.Values{"reason": {"x"}})
		if status != http.StatusServiceUnavailable || !strings.Contains(body, "its entry is damaged") {
			t.Errorf("%s has status %d, want 503 and the words that the entry is damaged: %s", verb, status, body)
		}
	}
	if status, _, _ := w.as("adam").get("/invoices/" + id); status != http.StatusNotFound {
		t.Errorf("a person who may see only some tenants gets status %d, want 404", status)
	}
}
