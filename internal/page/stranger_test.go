package page_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/page"
)

// strange returns a world in which the name A means another taxpayer in the ledger. So what is
// under the name A is not for the users of tenant A. One more user, who is named "both", is an
// operator of A and B.
func strange(t *testing.T, change func(*page.Options)) *world {
	return newWorld(t, func(o *page.Options) {
		o.Users = append(o.Users, user("both", true, "A", "B"))
		o.Strangers = func(context.Context) []page.Stranger {
			return []page.Stranger{{Name: "A", NIP: sellerA, Means: "5252248481"}}
		}
		if change != nil {
			change(o)
		}
	})
}

func TestStranger_UsersOfTheTenant_SeeNothingUnderItsName(t *testing.T) {
	w := strange(t, nil)
	id := w.take("A", "5252248481", "SECRET/1", ledger.Rejected, "SECRET words")
	w.refuse("A", "HIDDEN/REFUSED")
	w.take("B", sellerB, "MINE/1", ledger.Rejected, "words about mine")
	w.check(w.ledger.Hold(t.Context(), "A", ledger.Hold{Kind: ledger.Paused, By: "HIDDEN hand", Why: "HIDDEN why"}))
	w.receiver("erp", map[string]string{id: "SECRET answer"})
	today := time.Now().Format(time.DateOnly)
	for _, name := range []string{"anna", "adam", "both"} {
		p := w.as(name)
		for _, path := range []string{"/", "/tenants/A", "/invoices", "/invoices?q=SECRET", "/invoices?q=" + id, "/invoices?tenant=A",
			"/invoices/" + id, "/invoices/" + id + "/xml", "/invoices/" + id + "/form", "/open", "/open?tenant=A",
			"/open.csv", "/invoices.csv", "/deliveries", "/deliveries?tenant=A", "/deliveries/erp", "/deliveries/of-a", "/days?tenant=A",
			"/days/report?from=" + today + "&to=" + today + "&format=csv"} {
			status, body, _ := p.get(path)
			asked, err := url.Parse(path)
			w.check(err)
			for _, q := range asked.Query()["q"] { // the question comes back in the search field and in links
				body = strings.NewReplacer(q, "", url.QueryEscape(q), "").Replace(body)
			}
			for _, secret := range []string{"SECRET", "HIDDEN", "5252248481"} {
				if strings.Contains(body, secret) {
					t.Errorf("%s must not see %q at %s (status %d)", name, secret, path, status)
				}
			}
			if wrong := strings.Contains(path, "/"+id) || strings.Contains(path, "tenant=A") || path == "/tenants/A" || path ==
				"/deliveries/of-a"; wrong && status != http.StatusNotFound {
				t.Errorf("for %s, %s has status %d, want 404", name, path, status)
			}
		}
		if _, body, _ := p.get("/"); !strings.Contains(body, "Nothing of tenant A can be shown here now") {
			t.Errorf("%s is not told that nothing of tenant A can be shown", name)
		}
	}
	both := w.as("both")
	if _, body, _ := both.get("/invoices"); !strings.Contains(body, "MINE/1") {
		t.Error("the user named \"both\" does not see the invoice of tenant B")
	}
	if status, _, _ := both.post("/invoices/"+id+"/dismiss", url.Values{"reason": {"x"}}); status != http.StatusNotFound ||
		w.state(id) != ledger.Rejected {
		t.Errorf("a dismissal has status %d, want 404, and the invoice is %s, want it rejected", status, w.state(id))
	}
}

func TestStranger_OperatorOfAll_IsToldWhatToDoAndMayNotActOnIt(t *testing.T) {
	var asked []string
	w := strange(t, func(o *page.Options) {
		o.PDF = pdfOf(&asked)
		o.Tenants[0].PDF = true
	})
	id, refused := w.take("A", "5252248481", "THEIRS/1", ledger.Rejected, ""), w.refuse("A", "THEIRS/2")
	olga := w.as("olga")
	notice := "The name A belongs to NIP 5252248481 in the ledger, and to NIP " + sellerA
	for _, path := range []string{"/", "/tenants/A", "/open", "/invoices/" + id, "/deliveries"} {
		if _, body, _ := olga.get(path); !strings.Contains(body, notice) {
			t.Errorf("%s does not say to which NIP the name A belongs", path)
		}
	}
	if _, body, _ := olga.get("/invoices/" + id); !strings.Contains(body, "THEIRS/1") || strings.Contains(body, "/dismiss\"") {
		t.Error("the page does not show the invoice, or offers to dismiss it")
	}
	if status, _, _ := olga.post("/invoices/"+id+"/dismiss", url.Values{"reason": {"x"}}); status != http.StatusNotFound {
		t.Errorf("a dismissal has status %d, want 404", status)
	}
	if status, _, _ := olga.post("/open", url.Values{"do": {"dismiss"}, "reason": {"x"}, "id": {"A|" + refused, id}}); status !=
		http.StatusConflict {
		t.Errorf("a dismissal of the refusal and the invoice has status %d, want 409", status)
	}
	open, err := w.ledger.Refusals(t.Context(), time.Time{}, "")
	if w.check(err); len(open) != 1 || w.state(id) != ledger.Rejected {
		t.Errorf("%d refusals are open, want one, and the invoice is %s, want it rejected", len(open), w.state(id))
	}
	// The PDF would be made with the key of another taxpayer.
	if status, _, _ := olga.get("/invoices/" + id + "/pdf"); status != http.StatusNotFound || len(asked) != 0 {
		t.Errorf("the PDF has status %d, want 404, and the gateway was asked for %v, want nothing", status, asked)
	}
	if _, body, _ := olga.get("/?lang=pl"); strings.Contains(body, "belongs to NIP") {
		t.Error("the Polish page has English words")
	}
}

// The worker that serves a receiver has recorded why it tells the receiver nothing of tenant A.
func TestStranger_ReceiverIsToldNothingOfATenant_PageShowsTheReason(t *testing.T) {
	w := newWorld(t, nil)
	w.take("A", sellerA, "ONE/1", ledger.Rejected, "x")
	why := "tenant A is NIP " + sellerA + " in the ledger, and NIP 5252248481 in the configuration of the worker " +
		"that serves this receiver: correct the nip, or give the tenant a name that no other has had, and restart the worker"
	_, err := w.ledger.ChangeSink(t.Context(), "erp", ledger.SinkChange{
		Standings: map[string]*ledger.Standing{"A": {Cursor: "0-1", Left: 1, Err: why}}})
	w.check(err)
	for lang, want := range map[string]string{"en": "and NIP 5252248481 in the configuration", "pl": "a w konfiguracji procesu"} {
		if _, body, _ := w.as("olga").get("/deliveries/erp", "Accept-Language", lang); !strings.Contains(rowOf(body, "A"), want) {
			t.Errorf("%s: the row of A has no reason: %s", lang, rowOf(body, "A"))
		}
	}
	if _, body, _ := w.as("anna").get("/deliveries/erp"); strings.Contains(body, "5252248481") ||
		!strings.Contains(rowOf(body, "A"), "its name belongs to another NIP") {
		t.Errorf("a viewer of A is not told that the name belongs to another NIP, or sees this NIP: %s", rowOf(body, "A"))
	}
}
