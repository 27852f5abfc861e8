package httpintake

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/intake"
	"ksefworker/internal/sample"
)

// In a query, "+" stands for a blank. The answer to a caller who forgot this says what to write.
func TestQuery_TimeLostItsPlus_TheAnswerSaysWhatToWrite(t *testing.T) {
	b := newBench(t, nil)
	day := time.Now().AddDate(0, 0, 60).Format(time.DateOnly)
	for _, language := range []string{"en", "pl"} {
		for _, a := range []answer{
			b.post(xmlOf(0, "FV/1"), "?deadline="+day+"T16:00:00+01:00", "Accept-Language", language),
			b.call("GET", "/v1/invoices?since=2026-11-24T16:00:00+01:00", nil, "Accept-Language", language),
		} {
			if b.want(a, http.StatusBadRequest, "bad-request"); !strings.Contains(a.body.Detail, "%2B") {
				t.Errorf("the answer does not say to write %%2B: %s", a.raw)
			}
		}
	}
	b.want(b.post(xmlOf(0, "FV/1"), "?deadline="+day+"T16:00:00%2B01:00"), http.StatusAccepted, "")
	a := b.call("GET", "/v1/invoices?since=yesterday", nil)
	if b.want(a, http.StatusBadRequest, "bad-request"); strings.Contains(a.body.Detail, "%2B") {
		t.Errorf("the answer says to write %%2B although no plus was lost: %s", a.raw)
	}
}

// A NIP names a tenant when exactly one tenant of the caller has it.
func TestTenant_NamedByItsNIP_IsFoundAmongTheCallersOwn(t *testing.T) {
	b := newBench(t, func(o *Options) {
		o.Admitter.Accounts = append(o.Admitter.Accounts, intake.Account{Name: "three", NIP: sample.NIP(0)})
	})
	one, two := sample.NIP(0), sample.NIP(1)
	a := b.post(xmlOf(0, "FV/1"), "?tenant="+one)
	if b.want(a, http.StatusAccepted, ""); a.body.Items[0].Tenant != "one" {
		t.Errorf("the NIP in the query should name tenant one: %s", a.raw)
	}
	a = b.call("POST", "/v1/invoices", jsonOf(t, map[string]any{"xml": string(xmlOf(0, "FV/2")), "tenant": one},
		map[string]any{"xml": string(xmlOf(0, "FV/3")), "tenant": two}), "Content-Type", "application/json")
	if b.want(a, http.StatusMultiStatus, ""); a.body.Items[0].Tenant != "one" {
		t.Errorf("the NIP in JSON should name tenant one: %s", a.raw)
	}
	if f := a.body.Items[1].Refusal.Faults[0]; f.Field != "tenant" || !strings.HasPrefix(f.Hint, "name one of: one; or") {
		t.Errorf("the fault about another client's tenant is %+v, want field tenant and a hint that names tenant one", f)
	}
	if a = b.call("GET", "/v1/invoices?tenant="+one, nil); a.status != http.StatusOK || len(a.body.Items) != 2 {
		t.Errorf("the list for the NIP should have two invoices: %s", a.raw)
	}
	b.want(b.call("GET", "/v1/invoices?tenant="+two, nil), http.StatusBadRequest, "bad-request")
	for _, name := range []string{"three", two} {
		a = b.post(xmlOf(0, "FV/4"), "?tenant="+name)
		if b.want(a, http.StatusBadRequest, "bad-request"); strings.Contains(a.body.Detail, "two") {
			t.Errorf("the answer about tenant %s names the tenant of another client: %s", name, a.raw)
		}
	}
}
