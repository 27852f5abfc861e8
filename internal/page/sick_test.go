package page_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/ledger"
)

// The key of the audit log holds what another program wrote. People can still look at every page. A
// person who tries to change something is told that nothing was done, and which key is wrong.
func TestPage_AuditIsOfAnotherType_NothingIsDoneAndTheKeyIsNamed(t *testing.T) {
	w := newWorld(t, nil)
	id := w.take("A", sellerA, "ONE/1", ledger.Parked, "x")
	p, late := w.as("adam"), w.somebody()
	w.rdb.Del(t.Context(), "ksef:audit")
	w.rdb.Set(t.Context(), "ksef:audit", "x", 0)
	for _, verb := range []string{"retry", "dismiss", "seen"} {
		status, body, _ := p.post("/invoices/"+id+"/"+verb, url.Values{"reason": {"x"}})
		if status != http.StatusServiceUnavailable || !strings.Contains(body, "the key ksef:audit") {
			t.Errorf("%s has status %d, want 503 and the key named: %s", verb, status, body)
		}
	}
	if got := w.state(id); got != ledger.Parked {
		t.Errorf("the invoice is %s, want it still parked", got)
	}
	for _, path := range []string{"/", "/open", "/invoices/" + id} {
		if status, body, _ := p.get(path); status != http.StatusOK {
			t.Errorf("%s has status %d, want 200: %s", path, status, body)
		}
	}
	status, body, _ := late.post("/login", url.Values{"name": {"olga"}, "password": {"of olga"}})
	if !strings.Contains(body, "the key ksef:audit") {
		t.Errorf("a login has status %d and does not name the key: %s", status, body)
	}
	if status, _, h := p.post("/logout", nil); status != http.StatusSeeOther || h.Get("Location") != "/login" {
		t.Errorf("a logout has status %d, want 303 to the login", status)
	}
	if !strings.Contains(w.log.String(), "find out which program wrote it, then restore the key") {
		t.Error("the log does not say what to do")
	}
}

// Another program wrote into the keys of a login and of some figures. So the login is invalid, and
// the figures count as zero.
func TestPage_SessionAndFiguresAreOfAnotherType_OthersGoOn(t *testing.T) {
	w := newWorld(t, nil)
	w.take("A", sellerA, "ONE/1", ledger.Parked, "x")
	p := w.as("adam")
	day := time.Now().In(time.FixedZone("", 0))
	for d := -1; d <= 1; d++ {
		w.rdb.Set(t.Context(), "ksef:figures:day:A:"+day.AddDate(0, 0, d).Format("20060102"), "x", 0)
		w.rdb.Set(t.Context(), "ksef:figures:hour:A:"+day.Add(time.Duration(d)*time.Hour).UTC().Format("2006010215"), "x", 0)
	}
	for _, path := range []string{"/", "/days", "/tenants/A"} {
		if status, body, _ := p.get(path); status != http.StatusOK {
			t.Errorf("%s has status %d, want 200: %s", path, status, body)
		}
	}
	keys, err := w.rdb.Keys(t.Context(), "ksef:session:*").Result()
	w.check(err)
	w.rdb.Del(t.Context(), keys[0])
	w.rdb.RPush(t.Context(), keys[0], "x")
	if status, _, h := p.get("/open"); status != http.StatusSeeOther || !strings.HasPrefix(h.Get("Location"), "/login") {
		t.Errorf("a login whose key is sick: status %d, want 303 to the login", status)
	}
	if status, _, _ := w.as("adam").get("/open"); status != http.StatusOK {
		t.Errorf("another login: status %d, want 200", status)
	}
}

// Another program wrote the outbox. A visitor who sees all tenants reads on the page which key it
// is, as on the command line. Others do not learn how Redis is set up.
func TestPage_OutboxIsOfAnotherType_ThePageNamesTheKey(t *testing.T) {
	w := newWorld(t, nil)
	w.rdb.Del(t.Context(), "ksef:outbox")
	w.rdb.Set(t.Context(), "ksef:outbox", "x", 0)
	p := w.as("olga")
	if _, body, _ := p.get("/deliveries", "Accept-Language", "pl"); !strings.Contains(body, "klucz outbox (po redis.prefix)") {
		t.Errorf("the page in Polish does not name the key: %s", body)
	}
	for _, path := range []string{"/deliveries", "/deliveries/erp"} {
		status, body, _ := p.get(path)
		if status != http.StatusServiceUnavailable || !strings.Contains(body, "the key outbox behind redis.prefix") {
			t.Errorf("%s has status %d, want 503 and the key named: %s", path, status, body)
		}
	}
	if status, body, _ := w.as("adam").get("/deliveries"); strings.Contains(body, "outbox behind") {
		t.Errorf("a visitor of one tenant has status %d and reads of the key: %s", status, body)
	}
}

// A key with the refused documents of tenant B, or the set of the tenants that have some, holds
// what another program wrote. People still see all other documents. A visitor who sees B is told
// that the lists are not whole.
func TestPage_RefusalsAreOfAnotherType_OthersAreShownAndTheLackIsSaid(t *testing.T) {
	const lack = "may be missing here"
	for _, key := range []string{"refusers", "refusalsopen:B", "refused:B"} {
		t.Run(key, func(t *testing.T) {
			w := newWorld(t, nil)
			for _, tenant := range []string{"A", "B"} {
				w.check(w.ledger.Refuse(t.Context(), []ledger.Refusal{{ID: ledger.RefusalOfFile(tenant), Tenant: tenant,
					Number: "NO/" + tenant, File: tenant + ".xml", Faults: []ledger.RefusalFault{{Rule: "must be XML"}}}}))
			}
			_, err := w.ledger.Bind(t.Context(), map[string]string{"A": sellerA, "B": sellerB})
			w.check(err)
			w.rdb.Del(t.Context(), "ksef:"+key)
			w.rdb.Set(t.Context(), "ksef:"+key, "x", 0)
			today := time.Now().Format(time.DateOnly)
			days := "/days/report?from=" + today + "&to=" + today
			all, ofA := w.as("olga"), w.as("anna")
			for _, path := range []string{"/", "/open", "/invoices?q=NO", "/tenants/A", days + "&tenant=A"} {
				for name, p := range map[string]*person{"olga": all, "anna": ofA} {
					status, body, _ := p.get(path)
					if status != http.StatusOK {
						t.Errorf("%s: %s has status %d, want 200: %s", name, path, status, body)
					}
					lists := path == "/open" || strings.HasPrefix(path, "/invoices")
					if want := lists && (name == "olga" || key == "refusers"); strings.Contains(body, lack) != want {
						t.Errorf("%s: %s says that documents may be missing: %v, want %v", name, path, !want, want)
					}
					if lists && !strings.Contains(body, "NO/A") {
						t.Errorf("%s: %s lacks the refused document of A", name, path)
					}
				}
			}
			status, body, _ := all.get(days)
			if status != http.StatusServiceUnavailable || !strings.Contains(body, "would lack documents") {
				t.Errorf("the report of all tenants has status %d, want 503 and why: %s", status, body)
			}
			// Counting B's open refusals needs only their list, and not the refused documents.
			if _, body, _ := all.get("/"); strings.Contains(body, "+</dd>") != (key != "refused:B") {
				t.Errorf("the overview says that more items may be open: %v, want %v", key == "refused:B", key != "refused:B")
			}
		})
	}
}

// The index of the parked invoices holds what another program wrote. The page of open items and the
// overview do not say that nothing is open.
func TestPage_IndexOfOpenItemsIsOfAnotherType_IsNotCalledNone(t *testing.T) {
	w := newWorld(t, nil)
	w.take("A", sellerA, "ONE/1", ledger.Parked, "x")
	w.rdb.Del(t.Context(), "ksef:st:parked")
	w.rdb.Set(t.Context(), "ksef:st:parked", "x", 0)
	p := w.as("olga")
	if status, body, _ := p.get("/open"); status != http.StatusOK || !strings.Contains(body, "<li class=\"code\">st:parked</li>") ||
		strings.Contains(body, "None.") {
		t.Errorf("the open items have status %d, want 200, the key named and no \"None.\": %s", status, body)
	}
	if _, body, _ := p.get("/"); !strings.Contains(body, "0+</dd>") {
		t.Error("the overview does not say that more items may be open than it counts")
	}
}
