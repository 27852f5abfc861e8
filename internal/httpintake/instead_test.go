package httpintake

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"ksefworker/internal/archive"
	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

// archivedAndGone ends an invoice as a worker does: its document and result are in the archive, and
// its entry is receipted. Then its entry is removed, and its state still lists it.
func (b *bench) archivedAndGone(tenant int, number string) string {
	b.t.Helper()
	id := b.take(tenant, number, "")
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
	id := b.archivedAndGone(0, "FV/1")
	one := b.call("GET", "/v1/invoices/"+id, nil)
	if b.want(one, http.StatusOK, ""); one.body.State != "receipted" || one.body.Number != "FV/1" {
		t.Errorf("got %s", one.raw)
	}
	if doc := b.call("GET", "/v1/invoices/"+id+"/xml", nil); doc.status != http.StatusOK || string(doc.raw) != string(xmlOf(0, "FV/1")) {
		t.Errorf("its document: %d %s", doc.status, doc.raw)
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
		t.Errorf("got %s", one.raw)
	}
	for method, path := range map[string]string{"GET": "/xml", "POST": ":retry"} {
		a := b.call(method, "/v1/invoices/"+id+path, nil, all...)
		if b.want(a, http.StatusServiceUnavailable, "unavailable"); !strings.Contains(a.body.Detail, "its entry is damaged") {
			t.Errorf("%s: %s", path, a.body.Detail)
		}
	}
	// The tenant of an entry that is gone is not known, so a client of one tenant learns nothing.
	b.want(b.call("GET", "/v1/invoices/"+id, nil), http.StatusNotFound, "not-found")
}
