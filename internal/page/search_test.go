package page_test

import (
	"encoding/base64"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/inquiry"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/page"
)

var nextLink = regexp.MustCompile(`<a href="([^"]+)" rel="next">`)

// numbers follows the links to the next page from a path. It returns the numbers of the invoices on
// these pages, and how many pages there are.
func (p *person) numbers(path string) (all []string, pages int) {
	p.t.Helper()
	for path != "" {
		status, body, _ := p.get(path)
		if pages++; status != 200 || pages > 20 {
			p.t.Fatalf("%s has status %d on page %d, want 200 and at most 20 pages", path, status, pages)
		}
		for _, m := range regexp.MustCompile(`<th scope="row"><a href="/invoices/[^"]+">([^<]+)</a>`).FindAllStringSubmatch(body, -1) {
			all = append(all, html.UnescapeString(m[1]))
		}
		path = ""
		if m := nextLink.FindStringSubmatch(body); m != nil {
			path = html.UnescapeString(m[1])
		}
	}
	return all, pages
}

func TestInvoices_MoreThanOnePage_AreListedOnceNewestFirst(t *testing.T) {
	w := newWorld(t, nil)
	for i := range 130 {
		state := []ledger.State{ledger.Queued, ledger.Rejected, ledger.Parked}[i%3]
		w.take([]string{"A", "B"}[i%2], []string{sellerA, sellerB}[i%2], fmt.Sprintf("FV/%03d", i), state, "")
	}
	all, pages := w.as("olga").numbers("/invoices")
	seen := map[string]bool{}
	for i, n := range all {
		if seen[n] {
			t.Errorf("%s is listed twice", n)
		}
		seen[n] = true
		// Invoices that were changed in the same millisecond have no order.
		if i > 20 && all[i-20] < n {
			t.Errorf("%s is listed after %s, which is older", n, all[i-20])
		}
	}
	if len(all) != 130 || pages != 3 {
		t.Errorf("%d invoices are on %d pages, want 130 on 3", len(all), pages)
	}
	if mine, pages := w.as("anna").numbers("/invoices"); len(mine) != 65 || pages != 2 {
		t.Errorf("anna has %d invoices on %d pages, want 65 on 2", len(mine), pages)
	}
	if rejected, _ := w.as("anna").numbers("/invoices?state=rejected"); len(rejected) != 22 && len(rejected) != 21 {
		t.Errorf("anna has %d rejected invoices, want 21 or 22", len(rejected))
	}
}

func TestInvoices_Search_FindsByEachName(t *testing.T) {
	w := newWorld(t, nil)
	id := w.take("A", sellerA, "FV/2026/11/0042", ledger.Rejected, "")
	w.take("A", sellerA, "FV/2026/11/0043", ledger.Queued, "")
	w.take("B", sellerB, "SP 7", ledger.Queued, "") // with the space that people type, but of a tenant that anna does not see
	w.take("A", sellerA, "SP\u00a07", ledger.Queued, "")
	p := w.as("anna")
	today := time.Now().In(invoice.Warsaw()).Format(time.DateOnly)
	for q, want := range map[string]int{
		"FV/2026/11/0042": 1, "fv/2026/11/0042": 1, "0042": 1, "2026/11": 2, id: 1, "ref FV/2026/11/0042": 1, sellerA: 3, "nothing": 0,
		"SP 7":                                1,
		"0042&from=" + today + "&to=" + today: 1, "0042&to=2020-01-01": 0, "&state=queued": 2, "004&state=queued": 1,
	} {
		text, more, _ := strings.Cut(q, "&")
		path := "/invoices?q=" + url.QueryEscape(text)
		if more != "" {
			path += "&" + more
		}
		if found, _ := p.numbers(path); len(found) != want {
			t.Errorf("%s finds %q, want %d", q, found, want)
		}
	}
	if status, _, _ := p.get("/invoices?before=nonsense"); status != 400 {
		t.Errorf("with before=nonsense the list has status %d, want 400", status)
	}
	if status, _, _ := p.get("/invoices?from=yesterday"); status != 400 {
		t.Errorf("with from=yesterday the list has status %d, want 400", status)
	}
}

// Accountants know an invoice by its issue date. They find it by that date even if it was sent days
// later.
func TestInvoices_DaysOfTheIssueDate_FindWhatWasIssuedThen(t *testing.T) {
	w := newWorld(t, nil)
	now := time.Now().In(invoice.Warsaw())
	day := func(back int) string { return now.AddDate(0, 0, -back).Format(time.DateOnly) }
	for back, number := range []string{"TODAY/1", "YESTERDAY/1", "BEFORE/1"} {
		w.takeIssued("A", sellerA, number, day(back))
	}
	p := w.as("anna")
	for query, want := range map[string]string{
		"by=issued&from=" + day(1) + "&to=" + day(1):          "YESTERDAY/1",
		"by=issued&from=" + day(1):                            "TODAY/1 YESTERDAY/1",
		"by=issued&to=" + day(2):                              "BEFORE/1",
		"by=issued&q=YESTERDAY/1&to=" + day(2):                "",
		"by=issued&from=" + day(1) + "&to=" + day(1) + "&q=x": "",
		"by=changed&from=" + day(0):                           "BEFORE/1 TODAY/1 YESTERDAY/1",
		"from=" + day(1) + "&to=" + day(1):                    "",
		"by=issued":                                           "BEFORE/1 TODAY/1 YESTERDAY/1",
	} {
		found, _ := p.numbers("/invoices?" + query)
		slices.Sort(found)
		if got := strings.Join(found, " "); got != want {
			t.Errorf("%s finds %q, want %q", query, got, want)
		}
	}
	if status, _, _ := p.get("/invoices?by=moon"); status != 400 {
		t.Errorf("by=moon: status %d, want 400", status)
	}
	_, file, _ := p.get("/invoices.csv?by=issued&from=" + day(1) + "&to=" + day(1))
	if strings.Count(file, "\nA;") != 1 || !strings.Contains(file, "\nA;YESTERDAY/1;") {
		t.Errorf("the export of what was issued yesterday is %s, want YESTERDAY/1 alone", file)
	}
}

func TestLanguage_BrowserAndSwitch_Decide(t *testing.T) {
	w := newWorld(t, nil)
	p := w.as("anna")
	for accept, want := range map[string]string{"pl-PL,pl;q=0.9,en;q=0.8": "Przegląd", "en-GB,en": "Overview", "de": "Overview",
		"en;q=0.5, pl": "Przegląd"} {
		if _, body, _ := p.get("/", "Accept-Language", accept); !strings.Contains(body, want) {
			t.Errorf("with the languages %s the page has no %s", accept, want)
		}
	}
	status, _, header := p.get("/invoices?q=x&lang=pl", "Accept-Language", "en")
	if status != 303 || header.Get("Location") != "/invoices?q=x" {
		t.Errorf("the switch of the language has status %d and leads to %s, want 303 to the same page", status, header.Get("Location"))
	}
	if _, body, _ := p.get("/", "Accept-Language", "en"); !strings.Contains(body, "Przegląd") {
		t.Error("after the switch to Polish, the next page is not in Polish")
	}
}

func TestPage_WithoutUsers_IsOpenToEverybodyHere(t *testing.T) {
	w := newWorld(t, func(o *page.Options) { o.Users = nil })
	id := w.take("B", sellerB, "FV/1", ledger.Rejected, "")
	p := w.somebody()
	if status, body, _ := p.get("/invoices/" + id); status != 200 || !strings.Contains(body, "FV/1") {
		t.Errorf("the invoice has status %d, want 200 and its number", status)
	}
	if status, _, _ := p.post("/invoices/"+id+"/dismiss", reason); status != 303 || w.state(id) != ledger.Dismissed {
		t.Errorf("a dismissal has status %d, want 303, and the invoice is %s, want it dismissed", status, w.state(id))
	}
}

func TestPage_HostileTexts_AreShownAsText(t *testing.T) {
	w := newWorld(t, nil)
	id := w.take("A", sellerA, `<script>alert(1)</script>"'`, ledger.Rejected, `<img src=x onerror=alert(2)>`)
	w.refuse("A", `<b>&"`)
	p := w.as("adam")
	for _, path := range []string{"/invoices", "/invoices/" + id, "/open", "/invoices?q=%3Cscript%3Ealert(1)"} {
		_, body, header := p.get(path)
		if strings.Contains(body, "<script>alert") || strings.Contains(body, "<img src=x") || strings.Contains(body, "<b>&") {
			t.Errorf("%s has the text as markup", path)
		}
		if policy := header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") ||
			strings.Contains(policy, "unsafe") {
			t.Errorf("%s has the policy %s, want one that allows nothing by default", path, policy)
		}
	}
}

func TestPage_RedisIsAway_SaysSoWithoutTheErrorOfRedis(t *testing.T) {
	w := newWorld(t, func(o *page.Options) { o.Users = nil })
	w.check(w.rdb.Close())
	status, body, _ := w.somebody().get("/", "Accept-Language", "pl")
	if status != 503 || !strings.Contains(body, "Redis lub archiwum nie odpowiada") || strings.Contains(body, "closed") {
		t.Errorf("without Redis the page has status %d, want 503 and no words of Redis: %s", status, body)
	}
}

// A user who sees one tenant must not see the id of another tenant's invoice, even in the address
// of the next page.
func TestInvoices_NextPage_NamesNoInvoiceOfAnotherTenant(t *testing.T) {
	var next ledger.Place
	r := &restless{}
	w := newWorld(t, func(o *page.Options) { r.Inquiry, o.Inquiry = o.Inquiry, r })
	hidden := w.take("B", sellerB, "SECRET/1", ledger.Rejected, "")
	w.take("A", sellerA, "MINE/1", ledger.Rejected, "")
	r.before = func(inquiry.Window) {}
	r.after = func(f *inquiry.Found) { f.Next = next }
	inv, err := w.ledger.Invoice(t.Context(), hidden)
	w.check(err)
	next = ledger.Place{At: inv.UpdatedAt, ID: hidden}
	for _, path := range []string{"/invoices", "/open"} {
		_, body, _ := w.as("anna").get(path)
		m := regexp.MustCompile(`before=([\w-]+)`).FindStringSubmatch(body)
		if m == nil {
			t.Fatalf("%s has no next page", path)
		}
		raw, err := base64.RawURLEncoding.DecodeString(m[1])
		w.check(err)
		if strings.Contains(string(raw), hidden) {
			t.Errorf("the address of the page after %s names an invoice of another tenant: %s", path, raw)
		}
	}
}
