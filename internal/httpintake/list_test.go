package httpintake

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"ksefworker/internal/ledger"
)

// move moves invoices to a state in one step, so in one millisecond.
func (b *bench) move(to ledger.State, edit ledger.Edit, ids ...string) {
	b.t.Helper()
	moves := make([]ledger.Move, len(ids))
	for i, id := range ids {
		moves[i] = ledger.Move{ID: id, To: to, Edit: edit}
	}
	errs, err := b.o.Ledger.Apply(b.t.Context(), moves)
	b.must(err)
	for _, err := range errs {
		b.must(err)
	}
}

func (b *bench) list(query string) (numbers []string, next string) {
	b.t.Helper()
	a := b.call("GET", "/v1/invoices?"+query, nil)
	if a.status != http.StatusOK {
		b.t.Fatalf("the call for the list of the query %s got status %d, %s, want 200", query, a.status, a.raw)
	}
	for _, it := range a.body.Items {
		numbers = append(numbers, it.Number)
	}
	return numbers, a.body.Next
}

func TestList_PagesThroughManyOfOneMillisecond_EachOnce(t *testing.T) {
	b := newBench(t, nil)
	const n = 250
	var ids, want []string
	for i := range n {
		ids = append(ids, b.take(0, fmt.Sprint("FV/", i), ""))
		want = append(want, fmt.Sprint("FV/", i))
	}
	b.take(1, "other", "")
	b.move(ledger.Parked, nil, ids[:200]...)
	for _, query := range []string{"limit=7", "state=parked&limit=7"} {
		var got []string
		next, pages := "", 0
		for {
			some, more := b.list(query + "&cursor=" + next)
			got = append(got, some...)
			if pages++; more == "" || pages > 100 {
				break
			}
			next = more
		}
		all := want
		if query != "limit=7" {
			all = want[:200]
		}
		slices.Sort(got)
		if sorted := slices.Sorted(slices.Values(all)); !slices.Equal(got, sorted) {
			t.Errorf("%s: %d invoices on %d pages, want each of %d once", query, len(got), pages, len(all))
		}
	}
}

func TestList_EachFilter_FindsWhatItNames(t *testing.T) {
	b := newBench(t, nil)
	a, c := b.take(0, "FV/1", "?ref=SO%201"), b.take(0, "FV/2", "?ref=SO%262")
	b.take(0, "FV/3", "")
	b.move(ledger.Packed, nil, a)
	number := "5265877635-20261123-0100A0DB5B00-39"
	b.move(ledger.Accepted, ledger.Edit{}.Number(number), a)
	b.move(ledger.Parked, ledger.Because(415, "brak uprawnień"), c)
	for query, want := range map[string][]string{
		"ref=" + url.QueryEscape("SO 1"): {"FV/1"}, "ref=SO%262": {"FV/2"}, "ref=none": nil,
		"number=" + url.QueryEscape("FV/3"): {"FV/3"}, "number=FV": nil,
		"ksef_number=" + number: {"FV/1"}, "ksef_number=" + number[:len(number)-1] + "8": nil, "ksef_number=x": nil,
		"state=parked": {"FV/2"}, "state=queued": {"FV/3"}, "state=rejected": nil, "tenant=one&state=queued": {"FV/3"},
		"ksef_number_prefix=5265877635-20261123": {"FV/1"}, "ksef_number_prefix=5265877635-20261124": nil,
		"ksef_number_prefix=526": {"FV/1"},
		"number_prefix=FV/":      {"FV/1", "FV/2", "FV/3"}, "number_prefix=V": nil, "day=2026-11-23&number_prefix=FV/2": {"FV/2"},
		"day=2026-11-24":   nil,
		"since=2049-01-01": nil, "ref=SO%262&since=2049-01-01": nil, "number=FV%2f3&since=2049-01-01": nil,
		"ref=SO%262&since=2020-01-01": {"FV/2"}, "since=2020-01-01": {"FV/1", "FV/2", "FV/3"}, "ref=SO%262&state=queued": nil,
	} {
		got, _ := b.list(query)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s finds %q, want %q", query, got, want)
		}
	}
}

// KSeF and people treat all kinds of spaces as equal. One client may type a number that is, byte
// for byte, the number of another client's invoice. This client must still find its own invoice.
func TestList_NumberInAnotherSpelling_IsFoundAlsoWhereAnotherClientHasItAsTyped(t *testing.T) {
	b := newBench(t, nil)
	b.take(1, "FV 1", "")
	b.take(0, "FV\u00a01", "")
	b.take(0, "A B C D E F G", "") // too many spaces to try every spelling: found as it is written
	for query, want := range map[string]string{"FV 1": "FV\u00a01", "FV\u00a01": "FV\u00a01", "A B C D E F G": "A B C D E F G"} {
		if got, _ := b.list("number=" + url.QueryEscape(query)); !slices.Equal(got, []string{want}) {
			t.Errorf("%q finds %q, want %q", query, got, want)
		}
	}
	b.take(0, "FV\u00a02", "")
	b.take(0, "FV 2", "")
	if got, _ := b.list("number=FV+2"); len(got) != 2 {
		t.Errorf("a number that two invoices have in different spellings finds %q, want both", got)
	}
}

// Nothing in the document says which tenant it is for. The refusal is in the list of the client's
// only tenant.
func TestList_RefOfADocumentThatCouldNotBeRead_FindsItsRefusal(t *testing.T) {
	b := newBench(t, nil)
	b.want(b.post([]byte("garbage"), "?ref=SO-9"), http.StatusUnprocessableEntity, "refused")
	a := b.call("GET", "/v1/invoices?ref=SO-9", nil)
	if len(a.body.Items) != 1 || a.body.Items[0].State != "refused" || a.body.Items[0].Tenant != "one" {
		t.Errorf("the ref should find the refused document of tenant one: %s", a.raw)
	}
	if a = b.call("GET", "/v1/invoices?ref=SO-9", nil, "Authorization", "Bearer "+keyTwo); len(a.body.Items) != 0 {
		t.Errorf("the other client should find nothing by this ref: %s", a.raw)
	}
}

func TestList_ParameterThatCannotBeUsed_Is400(t *testing.T) {
	b := newBench(t, nil)
	for _, query := range []string{"stat=queued", "state=new", "limit=0", "limit=1001", "limit=x", "day=today", "number_prefix=",
		"since=tomorrow", "cursor=x", "cursor=eA",
		"since=2026-01-01&since=2027-01-01", "cursor=&cursor=", "ref=", "ref=%0a", "state=queued&state=parked", "state=refused", "%zz"} {
		b.want(b.call("GET", "/v1/invoices?"+query, nil), http.StatusBadRequest, "bad-request")
	}
}

func TestList_EntriesThatCannotBeRead_AreLeftOutAndTheOthersFollow(t *testing.T) {
	b := newBench(t, nil)
	for i := range 12 {
		id := b.take(0, fmt.Sprint("FV/", i), "")
		if i < 10 {
			b.must(b.rdb.HSet(t.Context(), "ksef:inv:"+id, "facts", "x").Err())
		}
	}
	var got []string
	for next := ""; ; {
		some, more := b.list("limit=1&cursor=" + next)
		got = append(got, some...)
		if next = more; next == "" {
			break
		}
	}
	slices.Sort(got) // invoices of the same millisecond are listed in the order of their ids
	if !slices.Equal(got, []string{"FV/10", "FV/11"}) {
		t.Errorf("the pages have %q, want FV/10 and FV/11", got)
	}
}

// Programs on Windows put a byte order mark before JSON, and some send it alone as an empty body.
func TestAct_BodyBeginsWithAByteOrderMark_IsReadBehindIt(t *testing.T) {
	b := newBench(t, nil)
	id := b.take(0, "FV/1", "")
	a := b.call("POST", "/v1/invoices/"+id+":dismiss", []byte(byteOrderMark+`{"reason":"an advertisement"}`))
	if b.want(a, http.StatusOK, ""); !strings.Contains(a.body.Result.Reason, "an advertisement") {
		t.Errorf("the answer lacks the reason that the body gave: %s", a.raw)
	}
	b.want(b.call("POST", "/v1/invoices/"+id+":retry", []byte(byteOrderMark)), http.StatusOK, "")
	twice := []byte(byteOrderMark + byteOrderMark + `{"reason":"x"}`)
	b.want(b.call("POST", "/v1/invoices/"+id+":dismiss", twice), http.StatusBadRequest, "bad-request")
}

func TestAct_RetryAndDismiss_MoveTheInvoiceAndSayWhoDecided(t *testing.T) {
	b := newBench(t, nil)
	id := b.take(0, "FV/1", "?ref=SO-1")
	a := b.call("POST", "/v1/invoices/"+id+":retry", nil)
	if b.want(a, http.StatusConflict, "conflict"); a.body.Detail == "" {
		t.Errorf("the problem has no detail: %s", a.raw)
	}
	a = b.call("POST", "/v1/invoices/"+id+":dismiss", []byte(`{"reason":"an  advertisement"}`))
	if b.want(a, http.StatusOK, ""); a.body.Result.State != "dismissed" {
		t.Errorf("the answer to the dismissal is %s, want the state dismissed", a.raw)
	}
	inv, err := b.o.Ledger.Invoice(t.Context(), id)
	if err != nil || !strings.Contains(inv.Reason, "client erp-one") || !strings.Contains(inv.Reason, "an advertisement") {
		t.Errorf("the entry does not say who dismissed the invoice, and why: %+v, %v", inv, err)
	}
	b.want(b.call("POST", "/v1/invoices/"+id+":dismiss", nil), http.StatusConflict, "conflict")
	if a = b.call("POST", "/v1/invoices/"+id+":retry", nil); a.status != http.StatusOK || a.body.Result.State != "queued" {
		t.Errorf("a retry of the dismissed invoice should queue it again: %d %s", a.status, a.raw)
	}
	b.move(ledger.Parked, nil, id)
	b.must(b.rdb.Del(t.Context(), "ksef:body:"+id).Err())
	b.want(b.call("POST", "/v1/invoices/"+id+":retry", nil), http.StatusConflict, "conflict")
	b.want(b.call("GET", "/v1/invoices/"+id+"/xml", nil), http.StatusNotFound, "not-found")
	for path, body := range map[string]string{id + ":dismiss": `{"why":"x"}`, id + ":retry": `[`, id + ":retry ": `{"reason":"x"}`} {
		path = strings.TrimSpace(path)
		b.want(b.call("POST", "/v1/invoices/"+path, []byte(body)), http.StatusBadRequest, "bad-request")
	}
	// When the body gives no reason, the record says that.
	a = b.call("POST", "/v1/invoices/"+id+":dismiss", []byte(`{}`))
	if b.want(a, http.StatusOK, ""); !strings.Contains(a.body.Result.Reason, "by client erp-one: no reason was given") {
		t.Errorf("the reason does not say that none was given: %s", a.raw)
	}
	b.want(b.call("POST", "/v1/invoices/"+id+":delete", nil), http.StatusNotFound, "not-found")
	b.want(b.call("POST", "/v1/invoices/inv-none:retry", nil), http.StatusNotFound, "not-found")
	b.want(b.call("DELETE", "/v1/invoices/"+id, nil), http.StatusMethodNotAllowed, "method-not-allowed")
	b.want(b.call("GET", "/v2", nil), http.StatusNotFound, "not-found")
}
