package httpintake

import (
	"context"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"ksefworker/internal/archive"
	"ksefworker/internal/ledger"
	"ksefworker/internal/records"
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
}

// Where neither the ledger nor the archive tells whose an entry is, it may be the client's. The
// client must not be told that there is no such invoice, because it would issue another one.
func TestInvoice_EntryCannotBeReadAndNobodyKnowsWhoseItIs_AbsenceIsNotClaimed(t *testing.T) {
	for what, spoil := range map[string]func(b *bench, key string){
		"the key is a text":                    func(b *bench, key string) { b.must(b.rdb.Set(b.t.Context(), key, "x", 0).Err()) },
		"the key is a hash of another program": func(b *bench, key string) { b.must(b.rdb.HSet(b.t.Context(), key, "foo", "bar").Err()) },
		"the key is gone, the id still listed": func(*bench, string) {},
	} {
		t.Run(what, func(t *testing.T) {
			b := newBench(t, nil)
			id := b.take(0, "FV/1", "?ref=SO-1")
			key := "ksef:inv:" + id
			b.must(b.rdb.Del(t.Context(), key).Err())
			spoil(b, key)
			before := b.rdb.Keys(t.Context(), "*").Val()
			for _, auth := range []string{keyOne, keyTwo} {
				for _, path := range []string{"", "/xml", "/upo", "/qr.png", "/pdf", ":retry", ":dismiss"} {
					method := "GET"
					if path != "" && path[0] == ':' {
						method = "POST"
					}
					a := b.call(method, "/v1/invoices/"+id+path, nil, "Authorization", "Bearer "+auth)
					b.want(a, http.StatusServiceUnavailable, "unavailable")
					if a.head.Get("Retry-After") != "60" || !strings.Contains(a.body.Detail, "its owner is not known; do not send") ||
						!strings.Contains(a.body.Detail, "ksef_unreadable_entries") || strings.Contains(string(a.raw), "FV/1") {
						t.Errorf("%s %s should say that the owner is unknown, with Retry-After: %v %s", method, path, a.head, a.raw)
					}
				}
			}
			if after := b.rdb.Keys(t.Context(), "*").Val(); len(after) != len(before) {
				t.Errorf("the calls wrote to Redis: its keys are %q, and were %q before", after, before)
			}
			if got := b.call("GET", "/v1/invoices?number=FV/1", nil); len(got.body.Items) != 0 {
				t.Errorf("a list by number shows the entry, although its owner is unknown: %s", got.raw)
			}
			polish := b.call("GET", "/v1/invoices/"+id, nil, "Accept-Language", "pl")
			if !strings.Contains(polish.body.Detail, "nie wiadomo, czyj jest") {
				t.Errorf("the answer does not say in Polish that the owner is unknown: %s", polish.raw)
			}
			b.want(b.call("GET", "/v1/invoices/inv-aaaaaaaaaaaaaaaaaaaaaaaa", nil), http.StatusNotFound, "not-found")
			if what == "the key is gone, the id still listed" {
				return
			}
			again := b.post(xmlOf(0, "FV/1"), "")
			b.want(again, http.StatusServiceUnavailable, "unavailable")
			if !strings.Contains(string(again.raw), "that entry in Redis is damaged") {
				t.Errorf("handed in again, the document should be refused for the damaged entry: %s", again.raw)
			}
		})
	}
}

// Rubbish in the place of an entry is not taken for an entry of a newer version. The archive tells
// what became of the invoice.
func TestInvoice_EntryIsRubbish_IsShownFromTheArchiveToItsClientAlone(t *testing.T) {
	b := newBench(t, nil)
	id := b.archivedAndGone(0, "FV/1", "")
	name, field := "ksef:final:"+id[4:6], string(rawOf(t, id)[1:])
	for _, value := range []string{"rubbish \xff\x00", "\x03rubbish", "\x7f1 \x00"} {
		b.must(b.rdb.HSet(t.Context(), name, field, value).Err())
		names := map[string]string{id: "a"}
		for _, path := range []string{"", "/xml", "/qr.png"} {
			b.want(b.call("GET", "/v1/invoices/"+id+path, nil), http.StatusOK, "")
			b.want(b.call("GET", "/v1/invoices/"+id+path, nil, "Authorization", "Bearer "+keyTwo), http.StatusNotFound, "not-found")
		}
		for _, list := range []string{"", "?number=FV/1", "?ksef_number=5265877635-20261123-0100A0DB5B00-39"} {
			if got := b.seen("/v1/invoices"+list, keyOne, names); got != "a receipted" {
				t.Errorf("value %q: the list %s has %q, want the invoice as the archive has it", value, list, got)
			}
			if got := b.seen("/v1/invoices"+list, keyTwo, names); got != "" {
				t.Errorf("value %q: the other client's list %s has %q, want nothing", value, list, got)
			}
		}
		again := b.post(xmlOf(0, "FV/1"), "")
		if b.want(again, http.StatusServiceUnavailable, "unavailable"); len(again.body.Items) != 1 ||
			!strings.Contains(again.body.Items[0].Refusal.Detail, "that entry in Redis is damaged") {
			t.Errorf("value %q: handed in again, the document should be refused for the damaged entry: %s", value, again.raw)
		}
		if got := b.rdb.HGet(t.Context(), name, field).Val(); got != value {
			t.Errorf("value %q was overwritten with %q", value, got)
		}
	}
}

// rawOf returns the bytes that an id is made of.
func rawOf(t *testing.T, id string) []byte {
	t.Helper()
	raw, err := base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding).DecodeString(id[4:])
	if err != nil || len(raw) != 15 {
		t.Fatalf("the id %s: %v", id, err)
	}
	return raw
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
		"?tenant=one":               {"a receipted", "400", "a receipted, b unreadable"},
		"?number=FV/1":              {"a receipted", "", "a receipted"},
		"?ksef_number=" + number:    {"a receipted", "", "a receipted"},
		"?ksef_number_prefix=52658": {"a receipted", "", "a receipted"},
		"?day=2026-11-23":           {"a receipted", "", "a receipted, b unreadable"}, // b may be of any day
		"?day=2026-11-22":           {"", "", "b unreadable"},
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

// The entry is damaged and says an earlier state, as after a restore of Redis. The archive has the
// invoice with its KSeF number, and lists by this number have it.
func TestList_EntryIsDamagedAndBehindTheArchive_IsFoundByItsKSeFNumber(t *testing.T) {
	b := withAll(t)
	id, number := b.archivedAndGone(0, "FV/1", "?ref=SO-1"), "5265877635-20261123-0100A0DB5B00-39"
	b.must(b.rdb.HSet(t.Context(), "ksef:inv:"+id, "state", "packed", "rev", "2", "facts", "{").Err())
	for _, query := range []string{"ref=SO-1&ksef_number=" + number, "number=FV/1&ksef_number_prefix=5265", "ksef_number=" + number} {
		if got := b.seen("/v1/invoices?"+query, keyOne, map[string]string{id: "a"}); got != "a receipted" {
			t.Errorf("%s finds %q, want the invoice as the archive has it", query, got)
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
		t.Errorf("the pages have %v of %d invoices, want %d and then 5", listed, want, insteadMost)
	}
}

func TestForms_EntryIsDamagedAndTheArchiveHasTheInvoice_AreMadeFromTheArchive(t *testing.T) {
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

// Redis was restored from a backup: KSeF has the invoice, and the ledger does not know it.
func TestDismiss_TheArchiveSaysThatKSeFHasIt_NothingIsDone(t *testing.T) {
	root := t.TempDir()
	b := newBench(t, func(o *Options) {
		store, err := archive.Open(t.Context(), "file://"+root, archive.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = store.Close() })
		o.Actions.Archive = &records.Reader{Store: store}
	})
	b.store = b.o.Actions.Archive.(*records.Reader).Store
	id := b.take(0, "FV/1", "")
	inv, err := b.o.Ledger.Invoice(t.Context(), id)
	b.must(err)
	kept := results.Of(inv, "test")
	kept.State, kept.KsefNumber = string(ledger.Receipted), "5265877635-20261123-0100A0DB5B00-39"
	raw, err := json.Marshal(kept)
	b.must(err)
	name := archive.ResultName(inv.NIP, inv.IssueDate, id)
	b.must(b.store.Put(t.Context(), name, raw, ""))
	a := b.call("POST", "/v1/invoices/"+id+":dismiss", nil)
	if b.want(a, http.StatusConflict, "conflict"); !strings.Contains(a.body.Detail, kept.KsefNumber) {
		t.Errorf("the answer is %s, want it to name KSeF's number", a.raw)
	}
	b.must(os.RemoveAll(root)) // the archive is away
	a = b.call("POST", "/v1/invoices/"+id+":dismiss", nil)
	if b.want(a, http.StatusServiceUnavailable, "unavailable"); !strings.Contains(a.body.Detail, "archive") {
		t.Errorf("the answer is %s, want it to say that the archive does not answer", a.raw)
	}
	if inv, err = b.o.Ledger.Invoice(t.Context(), id); err != nil || inv.State != ledger.Queued {
		t.Errorf("the invoice is %s, error %v; want queued", inv.State, err)
	}
}
