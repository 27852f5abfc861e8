package httpintake

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/results/resulttest"
)

const keyAll = "all-all-all-all-all-all-all"

// withAll starts a server with one more client, which has all tenants.
func withAll(t *testing.T) *bench {
	return newBench(t, func(o *Options) {
		all := (&bench{t: t}).client("all", "one", keyAll)
		all.Tenants = []string{"one", "two"}
		o.Clients = append(o.Clients, all)
	})
}

// newer rewrites an entry as a newer build could have written it.
func (b *bench) newer(id string) {
	b.t.Helper()
	facts := b.rdb.HGet(b.t.Context(), "ksef:inv:"+id, "facts").Val()
	if !strings.HasPrefix(facts, `{"v":`) {
		b.t.Fatalf("the facts of %s do not begin with their version: %q", id, facts)
	}
	later := `{"soon":{"x":[1]},"v":9` + facts[len(`{"v":1`):]
	b.must(b.rdb.HSet(b.t.Context(), "ksef:inv:"+id, "facts", later).Err())
}

// opaque replaces an entry with a value of Redis that no build can read as an entry.
func (b *bench) opaque(id string) {
	b.t.Helper()
	b.must(b.rdb.Del(b.t.Context(), "ksef:inv:"+id).Err())
	b.must(b.rdb.Set(b.t.Context(), "ksef:inv:"+id, "x", 0).Err())
}

// states returns the short name and the state of each item of an answer. The map has the short name
// of each id.
func (a *answer) states(names map[string]string) string {
	var all []string
	for _, it := range a.body.Items {
		all = append(all, names[it.ID]+" "+it.State)
	}
	return strings.Join(all, ", ")
}

// seen makes a call with the client's key, and returns the states of the answer. The answer must be
// as the published description says.
func (b *bench) seen(path, key string, names map[string]string) string {
	b.t.Helper()
	a := b.call("GET", path, nil, "Authorization", "Bearer "+key)
	b.want(a, http.StatusOK, "")
	newContract(b.t.(*testing.T), openAPI).check("GET", path, "", a)
	return a.states(names)
}

func TestEvents_EntryCannotBeRead_IsThereWithWhatIsKnownAndToItsClientAlone(t *testing.T) {
	b := withAll(t)
	ids := []string{b.take(0, "FV/1", ""), b.take(0, "FV/2", ""), b.take(0, "FV/3", ""), b.take(1, "FV/4", ""), b.take(1, "FV/5", "")}
	names := map[string]string{}
	for i, id := range ids {
		names[id] = string(rune('a' + i))
		b.move(ledger.Rejected, ledger.Because(450, "x"), id)
	}
	rejected, err := b.o.Ledger.Invoice(t.Context(), ids[0])
	b.must(err)
	b.newer(ids[0])
	b.opaque(ids[1])
	b.opaque(ids[3])
	// The last outcome is written again as an earlier build wrote it, without the tenant. The
	// tenant is not named anywhere else.
	b.opaque(ids[4])
	last := b.rdb.XRevRangeN(t.Context(), "ksef:outbox", "+", "-", 1).Val()[0]
	b.must(b.rdb.XDel(t.Context(), "ksef:outbox", last.ID).Err())
	values := []any{"id", ids[4], "rev", "2", "state", "rejected"}
	b.must(b.rdb.Do(t.Context(), append([]any{"XADD", "ksef:outbox", "*"}, values...)...).Err())

	for key, want := range map[string]string{
		keyOne: "a unreadable, b unreadable, c rejected",
		keyTwo: "d unreadable",
		keyAll: "a unreadable, b unreadable, c rejected, d unreadable, e unreadable",
	} {
		if got := b.seen("/v1/events", key, names); got != want {
			t.Errorf("the client with key %s gets the events %q, want %q", key[:3], got, want)
		}
	}
	a := b.call("GET", "/v1/events?limit=1", nil)
	it := a.body.Items[0]
	if int64(it.Revision) != rejected.Rev || it.Code != 450 || !strings.Contains(string(a.raw), `"tenant":"one"`) || !strings.Contains(it.Reason, "it became rejected") ||
		!strings.Contains(string(a.raw), `"code":"unreadable"`) || !strings.Contains(string(a.raw), "/v1/invoices/"+ids[0]) {
		t.Errorf("the event of an unreadable entry lacks its revision, code, tenant, reason or links: %s", a.raw)
	}
	if rest := b.call("GET", "/v1/events?cursor="+a.body.Next, nil); rest.states(names) != "b unreadable, c rejected" {
		t.Errorf("the events after the first one are %s, want b unreadable and c rejected", rest.raw)
	}
}

func TestEvents_TextIsSealedWithAKeyThatIsNotHere_NoPlaceholderIsTold(t *testing.T) {
	b := newBench(t, nil)
	texts, err := ledger.NewBodies(bytes.Repeat([]byte{7}, 32))
	b.must(err)
	sealing := ledger.New(b.rdb, ledger.Options{Outbox: 10_000, Texts: texts})
	other := b.o.Admitter.Only([]string{"one"})
	other.Ledger = sealing
	adms, err := other.Admit(t.Context(), []intake.Document{{File: "a.xml", Data: xmlOf(0, "FV/1"), Ref: "SO-1"}}, intake.Terms{})
	b.must(err)
	id := adms[0].Invoice.ID
	b.must(sealing.Move(t.Context(), ledger.Move{ID: id, To: ledger.Rejected, Edit: ledger.Because(450, "Kowalska")}))
	refused := ledger.Refusal{ID: ledger.RefusalOfFile("x.xml"), Tenant: "one", File: "x.xml",
		Faults: []ledger.RefusalFault{{Rule: "must be XML"}}}
	b.must(sealing.Refuse(t.Context(), []ledger.Refusal{refused}))
	a := b.call("GET", "/v1/events", nil)
	text := string(a.raw)
	if got := a.states(map[string]string{id: "a", refused.ID: "r"}); got != "a unreadable, r unreadable" {
		t.Fatalf("the events are %q, want the invoice and the refusal unreadable: %s", got, text)
	}
	if it := a.body.Items[0]; it.Number != "FV/1" || it.Ref != "" || it.File != "" || strings.Contains(text, "encrypted") ||
		!strings.Contains(a.body.Items[1].Reason, "it became refused") {
		t.Errorf("want number FV/1 without ref and file, and a reason that says that the other document became refused: %s", text)
	}
}

func TestEvents_RecordIsNotKeptAnyMore_IsThereWithItsIdAndState(t *testing.T) {
	b := withAll(t)
	id := b.take(0, "FV/1", "")
	b.move(ledger.Rejected, ledger.Because(450, "x"), id)
	b.must(b.rdb.Del(t.Context(), "ksef:inv:"+id).Err())
	dropped := ledger.RefusalOfFile("0.xml")
	var all []ledger.Refusal
	for n := range 5001 {
		all = append(all, ledger.Refusal{ID: ledger.RefusalOfFile(fmt.Sprint(n, ".xml")), Tenant: "one", File: fmt.Sprint(n, ".xml"),
			Faults: []ledger.RefusalFault{{Rule: "must be XML"}}})
	}
	b.must(b.o.Ledger.Refuse(t.Context(), all))
	names := map[string]string{id: "a", dropped: "r"}
	if got := b.seen("/v1/events?limit=2", keyOne, names); got != "a rejected, r refused" {
		t.Errorf("the events of records that are not kept any more are %q, want a rejected and r refused", got)
	}
	if got := b.seen("/v1/events", keyTwo, names); got != "" {
		t.Errorf("another client got the events %q, want none", got)
	}
}

// The event of an invoice without its entry is made from the archive. One call answers with a
// bounded number of such events, and no event is skipped.
func TestEvents_EntryIsGone_IsToldFromTheArchiveAndNoneIsSkipped(t *testing.T) {
	b := newBench(t, nil)
	never := b.take(0, "FV/never", "")
	b.move(ledger.Rejected, ledger.Because(450, "x"), never)
	b.must(b.rdb.Del(t.Context(), "ksef:inv:"+never).Err())
	lost := []string{never}
	for i := range insteadMost + 4 {
		lost = append(lost, b.archivedAndGone(0, fmt.Sprint("FV/", i), fmt.Sprint("?ref=SO-", i)))
	}
	first := b.call("GET", "/v1/events", nil)
	if len(first.body.Items) == 0 || first.body.Items[0].Number != "" || first.body.Items[0].State != "rejected" ||
		!strings.Contains(first.body.Items[0].Reason, "ask for it by its id: the archive may have more") {
		t.Fatalf("the event of an invoice that the archive lacks is %s, want it without a number, rejected, with a reason that says to ask by id", first.raw)
	}
	all, seen := b.call("GET", "/v1/events?limit=1000", nil), map[string]int{}
	var sizes []int
	for pages := 0; pages < 5; pages++ {
		newContract(t, openAPI).check("GET", "/v1/events", "", all)
		for _, it := range all.body.Items {
			seen[it.ID]++
			if it.ID == never {
				continue
			}
			inKSeF := it.State == "accepted" || it.State == "receipted"
			if it.Number == "" || it.Ref == "" || !strings.HasPrefix(it.KsefNumber, "5265877635-") || !inKSeF {
				t.Errorf("the event of an invoice that the archive has is %+v, want number, ref, KSeF number and state of the archive", it)
			}
		}
		sizes = append(sizes, len(all.body.Items))
		if len(all.body.Items) == 0 {
			break
		}
		all = b.call("GET", "/v1/events?limit=1000&wait=1ms&cursor="+all.body.Next, nil)
	}
	for _, id := range lost {
		if seen[id] == 0 {
			t.Errorf("no event is about invoice %s; the pages had %v events", id, sizes)
		}
	}
	if len(sizes) != 3 {
		t.Errorf("the pages have %v events, want two pages with events and an empty one", sizes)
	}
	if got := b.call("GET", "/v1/events", nil, "Authorization", "Bearer "+keyTwo); len(got.body.Items) != 0 {
		t.Errorf("another client got %s, want no events", got.raw)
	}
}

// Another program overwrote the entry of an invoice, or its state. The index of its state still
// lists it. Every list that may have the invoice has it as unreadable, and no other list has it.
func TestInvoices_EntryIsOverwritten_ListsThatMayHaveItHaveIt(t *testing.T) {
	for what, spoil := range map[string]func(b *bench, id string){
		"the entry": func(b *bench, id string) { b.opaque(id) },
		"its state": func(b *bench, id string) {
			b.must(b.rdb.HSet(b.t.Context(), "ksef:inv:"+id, "state", "Zzz 1").Err())
		},
		"its state, with a word": func(b *bench, id string) {
			b.must(b.rdb.HSet(b.t.Context(), "ksef:inv:"+id, "state", "foo").Err())
		},
	} {
		b := withAll(t)
		accepted, rejected, queued := b.take(0, "FV/1", "?ref=SO-1"), b.take(0, "FV/2", "?ref=SO-2"), b.take(0, "FV/3", "?ref=SO-3")
		number := "5265877635-20261123-0100A0DB5B00-39"
		b.move(ledger.Packed, nil, accepted)
		b.move(ledger.Accepted, ledger.Edit{}.Number(number), accepted)
		b.move(ledger.Rejected, ledger.Because(450, "x"), rejected)
		names := map[string]string{accepted: "a", rejected: "r", queued: "q"}
		for id := range names {
			spoil(b, id)
		}
		for path, want := range map[string]string{
			"?ksef_number=" + number:           "a unreadable",
			"?ksef_number_prefix=5265":         "a unreadable",
			"?state=accepted":                  "a unreadable",
			"?state=rejected":                  "r unreadable",
			"?state=queued&tenant=one":         "q unreadable",
			"?state=parked":                    "",
			"?ref=SO-1":                        "a unreadable",
			"?ref=SO-1&state=accepted":         "a unreadable",
			"?ref=SO-1&state=rejected":         "",
			"?ref=SO-1&day=2026-11-23":         "a unreadable",
			"?ref=SO-2&ksef_number=" + number:  "",
			"?number=FV/1&state=accepted":      "a unreadable",
			"?number=FV/3&tenant=one":          "q unreadable",
			"?number_prefix=FV&state=rejected": "r unreadable",
		} {
			if got := b.seen("/v1/invoices"+path, keyAll, names); got != want {
				t.Errorf("%s is overwritten: %s finds %q, want %q", what, path, got, want)
			}
		}
	}
}

func TestInvoices_EntryCannotBeRead_IsShownUnreadableAndNotLeftOut(t *testing.T) {
	b := withAll(t)
	var ids []string
	for i, query := range []string{"?ref=SO-1", "?ref=SO-2", "?ref=SO-3", ""} {
		ids = append(ids, b.take(i/3, fmt.Sprint("FV/", i+1), query))
		time.Sleep(2 * time.Millisecond) // the list is in order of time, to the millisecond
	}
	names := map[string]string{}
	for i, id := range ids {
		names[id] = string(rune('a' + i))
	}
	for _, i := range []int{1, 3} {
		b.newer(ids[i])
	}
	for _, c := range []struct{ path, key, want string }{
		{"/v1/invoices", keyOne, "a queued, b unreadable, c queued"},
		{"/v1/invoices?limit=2", keyOne, "a queued, b unreadable"},
		{"/v1/invoices?state=queued", keyAll, "a queued, b unreadable, c queued, d unreadable"},
		{"/v1/invoices?tenant=two", keyAll, "d unreadable"},
		{"/v1/invoices?state=parked", keyOne, ""}, {"/v1/invoices?day=2026-11-23", keyOne, "a queued, b unreadable, c queued"},
		{"/v1/invoices?ref=SO-2", keyOne, "b unreadable"}, {"/v1/invoices?number=FV/2", keyOne, "b unreadable"},
		{"/v1/invoices?number=FV/4", keyOne, ""},
	} {
		if got := b.seen(c.path, c.key, names); got != c.want {
			t.Errorf("%s finds %q, want %q", c.path, got, c.want)
		}
	}
	one := b.call("GET", "/v1/invoices/"+ids[1], nil)
	if b.want(one, http.StatusOK, ""); one.body.State != "unreadable" || !strings.Contains(one.body.invoiceAnswer.Reason, "it is queued") {
		t.Errorf("the invoice is shown as %s, want it unreadable and queued", one.raw)
	}
	resulttest.Read(t, "../../docs/result.schema.json").Check(t, "one", one.raw)
	b.want(b.call("GET", "/v1/invoices/"+ids[1]+"/xml", nil), http.StatusServiceUnavailable, "unavailable")
	b.want(b.call("POST", "/v1/invoices/"+ids[1]+":dismiss", nil), http.StatusServiceUnavailable, "unavailable")
	b.want(b.call("GET", "/v1/invoices/"+ids[3], nil), http.StatusNotFound, "not-found")
	// The client that has all tenants reads all invoices, on pages of one invoice each.
	var got []string
	for next, pages := "", 0; pages < 10; pages++ {
		a := b.call("GET", "/v1/invoices?limit=1&cursor="+next, nil, "Authorization", "Bearer "+keyAll)
		for _, it := range a.body.Items {
			got = append(got, names[it.ID])
		}
		if next = a.body.Next; next == "" {
			break
		}
	}
	if slices.Sort(got); strings.Join(got, "") != "abcd" {
		t.Errorf("page by page, the client finds %q, want each of a, b, c and d once", got)
	}
}

// Nothing is wrong with the documents. Handing them in again helps only after a person has dealt
// with the damaged entry, or after the update to the newer version has ended.
func TestSubmit_EntryCannotBeRead_Is503WithRetryAfterAndSaysWhy(t *testing.T) {
	b := newBench(t, func(o *Options) { o.Admitter.Accounts[0].Corrections = true })
	damaged, newer := b.take(0, "FV/1", ""), b.take(0, "FV/2", "")
	b.opaque(damaged)
	b.newer(newer)
	for _, c := range []struct {
		number, query, language string
		says, explained         string
		not                     string
	}{
		{"FV/1", "", "en", "entry in Redis is damaged; do not send it in another way", "refused/entry_damaged", "version"},
		{"FV/1", "", "pl", "ten wpis w Redis jest uszkodzony; nie wysyłaj jej inną drogą", "refused/entry_damaged", "wersj"},
		{"FV/2", "", "en", "in an entry that a newer version wrote; hand it in again", "refused/entry_unreadable", "damaged"},
		{"FV/2", "", "pl", "we wpisie nowszej wersji programu; przekaż ją ponownie", "refused/entry_unreadable", "uszkodzon"},
		{"FV/1", "?corrects=" + damaged, "en", "the invoice named in corrects is damaged", "refused/entry_damaged", "version"},
		{"FV/2", "?corrects=" + newer, "en", "corrects names was written by a newer version", "refused/entry_unreadable", "damaged"},
	} {
		xml := xmlOf(0, c.number)
		if c.query != "" {
			xml = otherXML(0, c.number)
		}
		a := b.post(xml, c.query, "Accept-Language", c.language)
		if b.want(a, http.StatusServiceUnavailable, "unavailable"); len(a.body.Items) != 1 || a.body.Items[0].Refusal == nil {
			t.Fatalf("%+v: the answer should be about one refused document: %s", c, a.raw)
		}
		r := a.body.Items[0].Refusal
		told := strings.Contains(r.Detail, c.says) && !strings.Contains(r.Detail, c.not)
		if a.head.Get("Retry-After") != "60" || !r.TryAgain || !told ||
			len(r.Explanations) != 1 || r.Explanations[0].Name() != c.explained {
			t.Errorf("%s in language %s: want Retry-After: 60, TryAgain, a detail with %q and without %q, and the explanation %s: %v %s",
				c.number, c.language, c.says, c.not, c.explained, a.head, a.raw)
		}
	}
	both := b.call("POST", "/v1/invoices", jsonOf(t, map[string]any{"xml": string(xmlOf(0, "FV/1"))},
		map[string]any{"xml": string(xmlOf(0, "FV/3"))}), "Content-Type", "application/json")
	if b.want(both, http.StatusMultiStatus, ""); both.head.Get("Retry-After") != "60" {
		t.Errorf("with one document taken and the other not, want Retry-After: 60: %v", both.head)
	}
	wrong := b.call("POST", "/v1/invoices", jsonOf(t, map[string]any{"xml": string(xmlOf(0, "FV/1"))},
		map[string]any{"xml": "no XML"}), "Content-Type", "application/json")
	b.want(wrong, http.StatusUnprocessableEntity, "refused")
}
