package httpintake

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/intake"
	"ksefworker/internal/sample"
)

// Events and lists give out the ids of refused documents. So a program must be able to look up a
// refused document by its id, and to dismiss it, without the command line.
func TestRefused_ByItsID_IsShownAndDismissed(t *testing.T) {
	b := newBench(t, func(o *Options) { o.Clients[0].Tenants = []string{"one", "two"} })
	one, two := []string{"Authorization", "Bearer " + keyOne}, []string{"Authorization", "Bearer " + keyTwo}
	var answered []string
	for _, a := range []answer{b.post(faultyOf(0, "FV/1"), ""), b.post([]byte("<x"), "?ref=B")} { // the second document names no tenant
		b.want(a, http.StatusUnprocessableEntity, "refused")
		answered = append(answered, a.body.Items[0].ID)
	}
	listed := func() (ids []string) {
		for _, it := range b.call("GET", "/v1/events", nil, one...).body.Items {
			ids = append(ids, it.ID)
		}
		return ids
	}
	ids := listed()
	if len(ids) != 2 || !strings.HasPrefix(ids[0], "ref-") || !slices.Equal(ids, answered) {
		t.Fatalf("the events are about %q, the answers about %q, want the same two refusals in both", ids, answered)
	}
	for _, id := range ids {
		path := "/v1/invoices/" + id
		a := b.call("GET", path, nil, one...)
		if b.want(a, http.StatusOK, ""); a.body.ID != id || a.body.State != "refused" || !strings.Contains(string(a.raw), `"explanations"`) {
			t.Errorf("the answer about the refused document %s lacks its state or its explanations: %s", id, a.raw)
		}
		for _, other := range []string{"", ":dismiss"} {
			method := "GET"
			if other != "" {
				method = "POST"
			}
			b.want(b.call(method, path+other, nil, two...), http.StatusNotFound, "not-found")
		}
		for _, form := range []string{"/xml", "/upo", "/qr.png", "/pdf"} {
			b.want(b.call("GET", path+form, nil, one...), http.StatusNotFound, "not-found")
		}
		b.want(b.call("POST", path+":retry", nil, one...), http.StatusConflict, "conflict")
		a = b.call("POST", path+":dismiss", []byte(`{"reason":"a test"}`), one...)
		if b.want(a, http.StatusOK, ""); a.body.State != "dismissed" || !strings.Contains(string(a.raw), "client erp-one: a test") {
			t.Errorf("the answer to the dismissal does not say that client erp-one dismissed the document: %s", a.raw)
		}
		b.want(b.call("POST", path+":dismiss", nil, one...), http.StatusConflict, "conflict")
		if a := b.call("GET", path, nil, one...); a.body.State != "dismissed" {
			t.Errorf("after the dismissal, the document is shown as %s", a.raw)
		}
	}
	b.equal("what the client is told", b.toldOf(keyOne), "FV/1 dismissed one", " dismissed ")
	b.want(b.call("GET", "/v1/invoices/ref-none", nil, one...), http.StatusNotFound, "not-found")
}

// A program that sees only some of the tenants is not told to add a tenant to the configuration,
// because the configuration may have that tenant already. A second tenant with the same NIP would
// make the NIP ambiguous for all programs.
func TestSubmit_InvoiceOfNoneOfTheClientsTenants_SaysSoAndNoMore(t *testing.T) {
	b := newBench(t, nil)
	for _, tenant := range []int{1, 7} { // the seller is another client's tenant, or nobody's
		a := b.post(xmlOf(tenant, "FV/9"), "")
		b.want(a, http.StatusUnprocessableEntity, "refused")
		for _, want := range []string{"none of your tenants is seller NIP", "intake.clients", `"not_your_tenant"`} {
			if !strings.Contains(string(a.raw), want) {
				t.Errorf("the answer lacks %s: %s", want, a.raw)
			}
		}
	}
}

// A program repeats a call after an outage. The deadline in the call has passed by then, which is
// no reason to refuse the call.
func TestSubmit_DeadlineHasPassedWhenTheCallIsRepeated_ItIsAlreadyHere(t *testing.T) {
	b := newBench(t, nil)
	deadline := "?deadline=" + time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)
	first := b.post(xmlOf(0, "FV/1"), deadline) // the deadline has passed already
	b.want(first, http.StatusAccepted, "")
	again := b.post(xmlOf(0, "FV/1"), deadline)
	if b.want(again, http.StatusAccepted, ""); !again.body.Items[0].AlreadyHere {
		t.Errorf("the call that is repeated after its deadline should find its invoice: %s", again.raw)
	}
	b.want(b.post(xmlOf(0, "FV/2"), "?deadline=2020-01-01"), http.StatusBadRequest, "bad-request")
}

// A program that calls over HTTP has no command line, so a hint says how a call names a tenant.
func TestSubmit_TenantIsNotCertain_HintNamesTheFieldAndNoOption(t *testing.T) {
	b := newBench(t, func(o *Options) {
		o.Admitter.Accounts = append(o.Admitter.Accounts, intake.Account{Name: "three", NIP: sample.NIP(0)})
		o.Clients[0].Tenants = []string{"one", "two", "three"}
	})
	for query, want := range map[string]string{
		"":            "say which of them sends it: give its name as tenant",
		"?tenant=two": "name a tenant of that NIP: one, three",
	} {
		a := b.post(xmlOf(0, "FV/1"), query)
		b.want(a, http.StatusUnprocessableEntity, "refused")
		if !strings.Contains(string(a.raw), want) || strings.Contains(string(a.raw), "--tenant") {
			t.Errorf("with the query %q, the answer lacks the wanted hint or names --tenant: %s", query, a.raw)
		}
	}
	a := b.call("POST", "/v1/invoices?tenant=one", xmlOf(1, "FV/1"), "Content-Type", "application/xml", "Accept-Language", "pl")
	if !strings.Contains(string(a.raw), "pomiń tenant albo podaj podatnika o tym NIP: two") {
		t.Errorf("the answer does not say in Polish which tenant to name: %s", a.raw)
	}
}

// An element of a JSON body has no name of its own, only its place in the body. Two broken elements
// at the same place of two calls are two refusals, and the same element again is the same refusal.
func TestSubmit_BrokenElementsAtTheSamePlace_HaveRefusalsOfTheirOwn(t *testing.T) {
	b := newBench(t, nil)
	refusal := func(element string) string {
		t.Helper()
		a := b.call("POST", "/v1/invoices", []byte(`{"invoices":[`+element+`]}`), "Content-Type", "application/json")
		if len(a.body.Items) != 1 || !strings.HasPrefix(a.body.Items[0].ID, "ref-") {
			t.Fatalf("%s: no refusal is on record: %s", element, a.raw)
		}
		return a.body.Items[0].ID
	}
	seen := map[string]string{}
	for _, element := range []string{`{"xml":"<a"}`, `{"xml":"<b"}`, `{"xml_base64":"?"}`, `{"xml_base64":"!"}`, `{"reff":"1"}`, `{"reff":"2"}`} {
		id := refusal(element)
		if other, taken := seen[id]; taken {
			t.Errorf("the element %s has the refusal %s, which is that of the element %s", element, id, other)
		}
		if again := refusal(element); again != id {
			t.Errorf("the element %s has the refusal %s, and a different one when it is handed in again: %s", element, id, again)
		}
		seen[id] = element
	}
}

// A part without a file name, and a ZIP without one, are known by their bytes.
func TestSubmit_RefusedFileHasNoName_ItsBytesIdentifyTheRefusal(t *testing.T) {
	b := newBench(t, nil)
	refusals := func(media, body string) (ids []string) {
		t.Helper()
		for _, it := range b.call("POST", "/v1/invoices", []byte(body), "Content-Type", media).body.Items {
			if !strings.HasPrefix(it.ID, "ref-") {
				t.Fatalf("no refusal is on record for %q", body)
			}
			ids = append(ids, it.ID)
		}
		return ids
	}
	head := "--b\r\nContent-Disposition: form-data; name=a\r\n\r\n"
	form := refusals("multipart/form-data; boundary=b", head+"<one/>\r\n"+head+"<two/>\r\n"+head+"<one/>\r\n--b--\r\n")
	if len(form) != 3 || form[0] == form[1] || form[0] != form[2] {
		t.Errorf("the parts one, two and one have the refusals %q, want the third equal to the first and not to the second", form)
	}
	one, two, again := refusals("application/zip", "no ZIP"), refusals("application/zip", "none"), refusals("application/zip", "no ZIP")
	if len(one) != 1 || len(two) != 1 || one[0] == two[0] || !slices.Equal(one, again) {
		t.Errorf("two broken archives have the refusals %q and %q, want different ones; handed in again, the first has %q, want %q",
			one, two, again, one)
	}
}
