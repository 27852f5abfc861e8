package httpintake

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"ksefworker/internal/archive"
	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

// archivedAndGone ends an invoice as a worker does: its document and result are in the archive, and
// its entry is receipted. Then it removes the entry, but not the invoice from the list of its
// state.
func (b *bench) archivedAndGone(tenant int, number, query string) string {
	b.t.Helper()
	id := b.take(tenant, number, query)
	b.move(ledger.Packed, nil, id)
	b.move(ledger.Accepted, ledger.Edit{}.Number("5265877635-20261123-0100A0DB5B00-39"), id)
	_, err := b.o.Ledger.Receipt(b.t.Context(), []string{id}, "file:///upo.xml")
	b.must(err)
	inv, err := b.o.Ledger.Invoice(b.t.Context(), id)
	b.must(err)
	raw, err := json.Marshal(results.Of(inv, "test"))
	b.must(err)
	b.must(b.store.Put(b.t.Context(), archive.ResultName(inv.NIP, inv.IssueDate, id), raw, ""))
	b.must(b.store.Put(b.t.Context(), archive.InvoiceName(inv.NIP, inv.IssueDate, id), xmlOf(tenant, number), ""))
	b.must(b.rdb.Del(b.t.Context(), "ksef:inv:"+id).Err())
	return id
}

func TestInvoice_EntryIsGoneAndTheArchiveHasIt_IsShownFromThereToItsClientAlone(t *testing.T) {
	b := newBench(t, nil)
	id := b.archivedAndGone(0, "FV/1", "")
	one := b.call("GET", "/v1/invoices/"+id, nil)
	if b.want(one, http.StatusOK, ""); one.body.State != "receipted" || one.body.Number != "FV/1" {
		t.Errorf("the invoice should be shown receipted, as the archive has it: %s", one.raw)
	}
	if doc := b.call("GET", "/v1/invoices/"+id+"/xml", nil); doc.status != http.StatusOK || string(doc.raw) != string(xmlOf(0, "FV/1")) {
		t.Errorf("the document should be that of the archive: %d %s", doc.status, doc.raw)
	}
	for _, path := range []string{"", "/xml", "/upo"} {
		other := b.call("GET", "/v1/invoices/"+id+path, nil, "Authorization", "Bearer "+keyTwo)
		b.want(other, http.StatusNotFound, "not-found")
	}
}

func TestInvoice_EntryIsGoneAndTheArchiveLacksIt_IsCalledDamagedAndNotUnknown(t *testing.T) {
	b := withAll(t)
	id := b.take(0, "FV/1", "")
	b.move(ledger.Parked, ledger.Because(410, "x"), id)
	inv, err := b.o.Ledger.Invoice(t.Context(), id)
	b.must(err)
	older := results.Of(inv, "test") // what the archive has is older than the state in the ledger
	older.State = string(ledger.Rejected)
	raw, err := json.Marshal(older)
	b.must(err)
	b.must(b.store.Put(t.Context(), archive.ResultName(inv.NIP, inv.IssueDate, id), raw, ""))
	b.must(b.rdb.Del(t.Context(), "ksef:inv:"+id).Err())
	all := []string{"Authorization", "Bearer " + keyAll}
	one := b.call("GET", "/v1/invoices/"+id, nil, all...)
	if b.want(one, http.StatusOK, ""); one.body.State != results.Unreadable || !strings.Contains(string(one.raw), "it is parked") {
		t.Errorf("the invoice should be shown unreadable, with its state parked: %s", one.raw)
	}
	for method, path := range map[string]string{"GET": "/xml", "POST": ":retry"} {
		a := b.call(method, "/v1/invoices/"+id+path, nil, all...)
		if b.want(a, http.StatusServiceUnavailable, "unavailable"); !strings.Contains(a.body.Detail, "its entry is damaged") {
			t.Errorf("the answer to %s does not say that the entry is damaged: %s", path, a.body.Detail)
		}
	}
	// The archive says whose the invoice is, so the client of this tenant learns the same, and
	// another client learns nothing.
	if own := b.call("GET", "/v1/invoices/"+id, nil); own.body.State != results.Unreadable || own.body.Tenant != "one" {
		t.Errorf("the client of the invoice's tenant got %d %s, want it unreadable", own.status, own.raw)
	}
	b.want(b.call("GET", "/v1/invoices/"+id, nil, "Authorization", "Bearer "+keyTwo), http.StatusNotFound, "not-found")
	// The archive has nothing of this invoice, so nobody knows whose it is.
	never := b.take(0, "FV/2", "")
	b.must(b.rdb.Del(t.Context(), "ksef:inv:"+never).Err())
	b.want(b.call("GET", "/v1/invoices/"+never, nil), http.StatusNotFound, "not-found")
}

func TestList_EntryIsDamaged_IsShownToItsClientAloneAsTheArchiveHasIt(t *testing.T) {
	b := withAll(t)
	archived := b.archivedAndGone(0, "FV/1", "?ref=SO-1")
	kept := b.take(0, "FV/2", "?ref=SO-2") // the archive has nothing of it
	b.must(b.rdb.Del(t.Context(), "ksef:inv:"+kept).Err())
	names := map[string]string{archived: "a", kept: "b"}
	number := "5265877635-20261123-0100A0DB5B00-39"
	for path, want := range map[string][3]string{ // for the clients with tenant one, with tenant two and with both
		"?since=2026-11-01":         {"a receipted", "", "a receipted, b unreadable"},
		"?tenant=one":               {"a receipted", "400", "a receipted"},
		"?number=FV/1":              {"a receipted", "", "a receipted"},
		"?ksef_number=" + number:    {"a receipted", "", "a receipted"},
		"?ksef_number_prefix=52658": {"a receipted", "", "a receipted"},
		"?day=2026-11-23":           {"a receipted", "", "a receipted"},
		"?day=2026-11-22":           {"", "", ""},
		"?state=receipted":          {"a receipted", "", "a receipted"},
		"?state=parked":             {"", "", ""},
		"?ref=SO-1":                 {"a receipted", "", "a receipted"},
		"?ref=SO-2":                 {"b unreadable", "", "b unreadable"},
	} {
		for i, key := range []string{keyOne, keyTwo, keyAll} {
			a := b.call("GET", "/v1/invoices"+path, nil, "Authorization", "Bearer "+key)
			got := a.states(names)
			if a.status != http.StatusOK {
				got = fmt.Sprint(a.status)
			}
			if got != want[i] {
				t.Errorf("%s finds %q for the client with key %s, want %q", path, got, key[:3], want[i])
			}
		}
	}
}

// For each page, a list looks up at most a few dozen damaged entries in the archive. The rest are
// on the next pages.
func TestList_MoreDamagedEntriesThanACallLooksUp_AreOnTheNextPages(t *testing.T) {
	b := newBench(t, nil)
	want := insteadMost + 5
	for i := range want {
		b.archivedAndGone(0, fmt.Sprint("FV/", i), "")
	}
	var listed []int
	next, seen := "", map[string]bool{}
	for range 3 {
		a := b.call("GET", "/v1/invoices?cursor="+next, nil)
		for _, it := range a.body.Items {
			seen[it.ID] = true
		}
		listed = append(listed, len(a.body.Items))
		if next = a.body.Next; next == "" {
			break
		}
	}
	if len(seen) != want || !slices.Equal(listed, []int{insteadMost, 5}) {
		t.Errorf("the pages have %v of %d invoices, want as many as a call looks up, then five", listed, want)
	}
}

func TestForms_EntryIsDamagedAndTheArchiveHasTheInvoice_AreMadeOfThat(t *testing.T) {
	var made []string
	b := newBench(t, func(o *Options) {
		o.PDF = func(_ context.Context, inv *ledger.Invoice, doc []byte, _ string) ([]byte, error) {
			made = []string{inv.Tenant, inv.KsefNumber, string(doc)}
			return []byte("%PDF"), nil
		}
	})
	id := b.archivedAndGone(0, "FV/1", "")
	if qr := b.call("GET", "/v1/invoices/"+id+"/qr.png", nil); qr.status != http.StatusOK || !strings.HasPrefix(string(qr.raw), "\x89PNG") {
		t.Errorf("want an image of the QR code: %d %s", qr.status, qr.raw)
	}
	b.want(b.call("GET", "/v1/invoices/"+id+"/pdf", nil), http.StatusOK, "")
	if want := []string{"one", "5265877635-20261123-0100A0DB5B00-39", string(xmlOf(0, "FV/1"))}; !slices.Equal(made, want) {
		t.Errorf("the PDF is made of %q, want tenant, number and document of the archive", made)
	}
	for _, verb := range []string{":retry", ":dismiss"} {
		a := b.call("POST", "/v1/invoices/"+id+verb, nil)
		if b.want(a, http.StatusServiceUnavailable, "unavailable"); !strings.Contains(a.body.Detail, "its entry is damaged") {
			t.Errorf("the answer to %s does not say that the entry is damaged: %s", verb, a.raw)
		}
		b.want(b.call("POST", "/v1/invoices/"+id+verb, nil, "Authorization", "Bearer "+keyTwo), http.StatusNotFound, "not-found")
	}
	kept := b.take(0, "FV/2", "")
	b.newer(kept)
	for _, path := range []string{"/qr.png", "/pdf"} {
		b.want(b.call("GET", "/v1/invoices/"+kept+path, nil), http.StatusServiceUnavailable, "unavailable")
	}
}
