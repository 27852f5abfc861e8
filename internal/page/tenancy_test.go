package page_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/figures"
	"ksefworker/internal/ledger"
	"ksefworker/internal/waiting"
)

// everyPage returns the addresses that a visitor of tenant A may try. Some of them hold the id of
// an invoice of B.
func everyPage(idOfB string) []string {
	today := time.Now().Format(time.DateOnly)
	return []string{
		"/", "/?tenant=B", "/tenants/A", "/tenants/B", "/tenants/", "/tenants/no-such",
		"/invoices", "/invoices?q=SECRET", "/invoices?q=secret%2F1", "/invoices?q=SECRET%2F1", "/invoices?q=" + idOfB, "/invoices?q=" +
			sellerB,
		"/invoices?q=ref+SECRET%2F1", "/invoices?tenant=B", "/invoices?state=rejected", "/invoices?state=rejected&tenant=B&q=S",
		"/invoices?from=" + today + "&to=" + today, "/invoices?q=HIDDEN",
		"/invoices/" + idOfB, "/invoices/" + idOfB + "/xml", "/invoices/" + idOfB + "/upo", "/invoices/" + idOfB + "/qr.png",
		"/open", "/open?tenant=B", "/open?seen=no", "/open.xlsx", "/open.csv",
		"/invoices.csv", "/invoices.csv?q=SECRET", "/invoices.xlsx", "/invoices.csv?tenant=B", "/invoices/" + idOfB + "/form",
		"/invoices/" + idOfB + "/pdf", "/deliveries", "/deliveries?tenant=B", "/deliveries/erp", "/deliveries/erp?tenant=B",
		"/deliveries/of-a", "/deliveries/of-b", "/deliveries/none", "/open.csv?tenant=B", "/days", "/days?tenant=B",
		"/days/report?from=" + today + "&to=" + today, "/days/report?from=" + today + "&to=" + today + "&tenant=B",
		"/days/report?from=" + today + "&to=" + today + "&format=csv", "/audit", "/nowhere",
	}
}

func TestTenancy_UserOfOneTenant_SeesNothingOfAnother(t *testing.T) {
	w := newWorld(t, nil)
	idOfA := w.take("A", sellerA, "MINE/1", ledger.Rejected, "words about mine")
	idOfB := w.take("B", sellerB, "SECRET/1", ledger.Rejected, "SECRET words")
	w.take("B", sellerB, "SECRET/2", ledger.Queued, "")
	w.take("", sellerB, "SECRET/3", ledger.Parked, "SECRET words")
	w.refuse("A", "MINE/REFUSED")
	w.refuse("B", "HIDDEN/REFUSED")
	w.refuse("", "HIDDEN/NOBODYS")
	w.check(w.ledger.Hold(t.Context(), "B", ledger.Hold{Kind: ledger.Paused, By: "HIDDEN hand", Why: "HIDDEN why"}))
	w.waits = []waiting.Count{{Tenant: "B", For: waiting.Credentials, What: "HIDDEN wait", Invoices: 7777},
		{Tenant: "", For: waiting.Turn, Invoices: 82645}, {Tenant: "A", For: waiting.Turn, Invoices: 3}}
	w.check(figures.New(w.rdb, "ksef:").Count(t.Context(), many("B", 4321)))
	w.receiver("erp", map[string]string{idOfB: "SECRET answer", idOfA: "answer about mine"})
	olga := w.as("olga")
	if status, _, _ := olga.post("/invoices/"+idOfB+"/dismiss", url.Values{"reason": {"x"}}); status != http.StatusForbidden &&
		status != http.StatusSeeOther {
		t.Fatalf("olga's dismissal has status %d, want 403 or 303", status)
	}
	for _, name := range []string{"anna", "adam"} {
		p := w.as(name)
		for _, path := range everyPage(idOfB) {
			status, body, header := p.get(path)
			// The page repeats the visitor's own question in the field of the search and in the
			// link to the other language. So the question is removed before the page is searched
			// for secrets.
			if at := strings.IndexByte(path, '?'); at > 0 {
				u, _ := url.Parse(path)
				for _, values := range u.Query() {
					for _, v := range values {
						body = strings.ReplaceAll(strings.ReplaceAll(body, url.QueryEscape(v), ""), v, "")
					}
				}
			}
			for _, secret := range []string{"SECRET", "HIDDEN", sellerB, "7777", "7\u202f777", "82645", "82\u202f645", "4321", "4\u202f321",
				"/tenants/B", ">B<", idOfB} {
				if strings.Contains(body, secret) && !strings.Contains(path, secret) {
					t.Errorf("%s must not see %q at %s (status %d)", name, secret, path, status)
				}
			}
			if strings.Contains(path, idOfB+"/") || path == "/invoices/"+idOfB || strings.Contains(path, "tenant=B") &&
				path != "/?tenant=B" ||
				path == "/audit" || path == "/tenants/B" || path == "/deliveries/of-b" {
				if status != http.StatusNotFound {
					t.Errorf("%s: %s has status %d, want 404", name, path, status)
				}
			}
			if status >= 500 {
				t.Errorf("%s: %s has status %d, want less than 500: %s", name, path, status, w.log.String())
			}
			if header.Get("Cache-Control") != "no-store" {
				t.Errorf("the header of %s lets a cache keep the page", path)
			}
		}
		if _, body, _ := p.get("/invoices"); !strings.Contains(body, "MINE/1") {
			t.Errorf("%s does not see the invoice of tenant A", name)
		}
		if _, body, _ := p.get("/open.csv"); !strings.Contains(body, "MINE/REFUSED") {
			t.Errorf("%s does not see the refused document of tenant A", name)
		}
	}
	for _, path := range []string{"/", "/invoices", "/open", "/open.csv"} {
		if _, body, _ := olga.get(path); !strings.Contains(body, "SECRET") && !strings.Contains(body, "HIDDEN") {
			t.Errorf("an operator of all tenants does not see tenant B at %s", path)
		}
	}
}

func many(tenant string, n int) []figures.Outcome {
	all := make([]figures.Outcome, n)
	for i := range all {
		all[i] = figures.Outcome{Tenant: tenant, State: "accepted", At: time.Now(), Took: time.Minute}
	}
	return all
}

func TestTenancy_InvoiceOfAnother_AndOneThatDoesNotExist_LookTheSame(t *testing.T) {
	w := newWorld(t, nil)
	idOfB := w.take("B", sellerB, "SECRET/1", ledger.Rejected, "")
	p := w.as("anna")
	status, of, _ := p.get("/invoices/" + idOfB)
	none := "inv-" + strings.Repeat("a", len(idOfB)-4)
	status2, other, _ := p.get("/invoices/" + none)
	made := func(s string) string { // the page up to its time, without the ids
		at := strings.Index(s, "<time>")
		return strings.NewReplacer(idOfB, "", none, "").Replace(s[:max(at, 0)])
	}
	if status != 404 || status2 != 404 || made(of) != made(other) {
		t.Errorf("an invoice of another tenant has status %d and one that does not exist %d, want 404 twice; the pages differ: %v",
			status, status2, made(of) != made(other))
	}
}

func TestTenancy_OperatorOfOneTenant_ActsOnNoOther(t *testing.T) {
	w := newWorld(t, nil)
	idOfA, idOfB := w.take("A", sellerA, "MINE/1", ledger.Rejected, ""), w.take("B", sellerB, "SECRET/1", ledger.Rejected, "")
	ofB, ofNobody := w.refuse("B", "HIDDEN/1"), w.refuse("", "HIDDEN/2")
	p := w.as("adam")
	for _, verb := range []string{"retry", "dismiss"} {
		if status, _, _ := p.post("/invoices/"+idOfB+"/"+verb, url.Values{"reason": {"x"}}); status != http.StatusNotFound {
			t.Errorf("%s of B's invoice has status %d, want 404", verb, status)
		}
	}
	status, body, _ := p.post("/open", url.Values{"do": {"dismiss"}, "reason": {"x"},
		"id": {idOfB, "B|" + ofB, "|" + ofNobody, "A|" + ofB, idOfA}})
	if status != http.StatusConflict || strings.Contains(body, "SECRET") || strings.Contains(body, "HIDDEN") {
		t.Errorf("acting on B has status %d, want 409, or shows its texts: %s", status, body)
	}
	if w.state(idOfB) != ledger.Rejected || w.state(idOfA) != ledger.Dismissed {
		t.Errorf("the invoice of B is %s and that of A is %s, want rejected and dismissed", w.state(idOfB), w.state(idOfA))
	}
	open, err := w.ledger.Refusals(t.Context(), time.Time{}, "")
	if w.check(err); len(open) != 2 {
		t.Errorf("%d refusals are open, want 2", len(open))
	}
	entries, _, err := w.audit.List(t.Context(), "", time.Time{}, 100)
	w.check(err)
	for _, e := range entries {
		if e.Tenant == "B" {
			t.Errorf("the audit log has an act on B: %+v", e)
		}
	}
}
