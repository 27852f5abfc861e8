package page_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/audit"
	"ksefworker/internal/ledger"
	"ksefworker/internal/page"
)

var reason = url.Values{"reason": {"an advertisement"}}

func TestLogin_Cookie_IsForThisPageAlone(t *testing.T) {
	w := newWorld(t, func(o *page.Options) { o.Secure = true })
	_, _, header := w.somebody().post("/login", url.Values{"name": {"anna"}, "password": {"of anna"}, "next": {"//evil.example"}})
	cookie := header.Get("Set-Cookie")
	for _, part := range []string{"__Host-ksef=", "Path=/", "HttpOnly", "Secure", "SameSite=Lax", "Max-Age=43200"} {
		if !strings.Contains(cookie, part) {
			t.Errorf("the cookie has no %s: %s", part, cookie)
		}
	}
	if header.Get("Location") != "/" {
		t.Errorf("the login leads to %s, want /", header.Get("Location"))
	}
	token, _, _ := strings.Cut(strings.TrimPrefix(cookie, "__Host-ksef="), ";")
	for _, key := range w.rdb.Keys(t.Context(), "*").Val() {
		if strings.Contains(key, token) || strings.Contains(w.rdb.Get(t.Context(), key).Val(), "of anna\"") {
			t.Errorf("Redis has the token, or the password: %s", key)
		}
		if ttl := w.rdb.TTL(t.Context(), key).Val(); strings.HasPrefix(key, "ksef:session:") && (ttl <= 0 || ttl > page.SessionTime) {
			t.Errorf("the session lasts %v, want more than 0 and at most %v", ttl, page.SessionTime)
		}
	}
}

// Only the connection to a proxy is encrypted. A browser that goes around the proxy would be asked
// to log in again and again, because over http it keeps no cookie that is marked Secure. The person
// would never learn why.
func TestLogin_BrowserComesWithoutEncryption_IsToldTheAddress(t *testing.T) {
	w := newWorld(t, func(o *page.Options) { o.Secure, o.Public = true, "https://ksef.example.com" })
	p := w.somebody()
	right := url.Values{"name": {"anna"}, "password": {"of anna"}}
	status, body, header := p.post("/login", right, "Origin", "http://10.0.0.9", "Sec-Fetch-Site", "same-origin")
	if status != http.StatusBadRequest || !strings.Contains(body, "without encryption") || header.Get("Set-Cookie") != "" ||
		!strings.Contains(body, `<a href="https://ksef.example.com/login">`) {
		t.Errorf("a login over http: status %d, cookie %q, want 400, no cookie and the https address: %s",
			status, header.Get("Set-Cookie"), body)
	}
	_, body, _ = p.post("/login", right, "Origin", "http://10.0.0.9", "Sec-Fetch-Site", "same-origin", "Accept-Language", "pl")
	if !strings.Contains(body, "połączenie nieszyfrowane") {
		t.Errorf("a login over http, in Polish, does not name encryption: %s", body)
	}
	// The proxy may pass the request on under another host name than the browser used. An older
	// browser does not send Sec-Fetch-Site, which would show that the request is of the same
	// origin. So the page also accepts the origin Options.Public.
	for _, origin := range []string{"https://ksef.example.com", ""} {
		if status, _, _ = p.post("/login", right, "Origin", origin); status != http.StatusSeeOther {
			t.Errorf("a login from the origin %q: status %d, want 303", origin, status)
		}
	}
	if status, _, _ = p.post("/login", right, "Origin", "https://other.example.com"); status != http.StatusForbidden {
		t.Errorf("a login from another site: status %d, want 403", status)
	}
}

func TestPage_WithoutLogin_NothingIsShownOrDone(t *testing.T) {
	w := newWorld(t, nil)
	id := w.take("A", sellerA, "MINE/1", ledger.Rejected, "")
	p := w.somebody()
	for _, path := range everyPage(id) {
		status, body, header := p.get(path)
		if status != http.StatusSeeOther || !strings.HasPrefix(header.Get("Location"), "/login") || strings.Contains(body, "MINE") {
			t.Errorf("%s without a login: status %d to %s, want 303 to the login", path, status, header.Get("Location"))
		}
	}
	if status, _, _ := p.post("/invoices/"+id+"/dismiss", reason); status != http.StatusUnauthorized || w.state(id) != ledger.Rejected {
		t.Errorf("a dismissal without a login has status %d, want 401, and the invoice is %s, want it rejected", status, w.state(id))
	}
}

func TestLogin_Wrong_IsCountedLoggedAndSlowed(t *testing.T) {
	slow := &slowed{}
	w := newWorld(t, func(o *page.Options) { o.Throttle = slow })
	p := w.somebody()
	for _, form := range []url.Values{{"name": {"anna"}, "password": {"secret typed wrong"}},
		{"name": {"secret typed in the wrong field"}}} {
		if status, body, _ := p.post("/login", form); status != http.StatusUnauthorized || strings.Contains(body, "typed wrong") {
			t.Errorf("a wrong login has status %d, want 401 and a page that does not repeat the password", status)
		}
	}
	entries, _, err := w.audit.List(t.Context(), "", time.Time{}, 10)
	w.check(err)
	if slow.failed != 2 || len(entries) != 2 || entries[1].Who != "anna" || entries[1].What != audit.Refused || entries[0].Who != "?" {
		t.Errorf("%d wrong logins are counted, want 2; the audit log has %+v, want the refused logins of ? and, before it, of anna",
			slow.failed, entries)
	}
	if log := w.log.String(); !strings.Contains(log, `"user":"anna"`) || strings.Contains(log, "typed") {
		t.Errorf("the log lacks the user, or has what was typed: %s", log)
	}
	slow.wait = 3 * time.Second
	status, _, header := p.post("/login", url.Values{"name": {"anna"}, "password": {"of anna"}})
	if status != http.StatusTooManyRequests || header.Get("Retry-After") != "4" || header.Get("Set-Cookie") != "" {
		t.Errorf("while logins are refused, a right login has status %d, want 429 with Retry-After 4 and no cookie: %v", status, header)
	}
}

func TestLogout_EndsTheSessionInThePool(t *testing.T) {
	w := newWorld(t, nil)
	p := w.as("anna")
	u, _ := url.Parse(w.url)
	stolen := p.client.Jar.Cookies(u)
	if status, _, header := p.post("/logout", nil); status != http.StatusSeeOther || header.Get("Location") != "/login" {
		t.Errorf("the logout has status %d, want 303 to the login", status)
	}
	p.client.Jar.SetCookies(u, stolen)
	if status, _, _ := p.get("/"); status != http.StatusSeeOther {
		t.Errorf("with the cookie from before the logout: status %d, want 303", status)
	}
}

func TestSession_PasswordChanges_SessionEnds(t *testing.T) {
	w := newWorld(t, nil)
	u, _ := url.Parse(w.url)
	cookies := w.as("anna").client.Jar.Cookies(u)
	o := page.Options{Users: []page.User{user("anna", false, "A")}, Sessions: page.NewSessions(w.rdb, "ksef:")}
	for password, want := range map[string]bool{"of anna": true, "another": false} {
		o.Users[0].Seal, o.Users[0].Operator, o.Users[0].Tenants = seal(password), true, nil
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url, nil)
		for _, c := range cookies {
			r.AddCookie(c)
		}
		if _, got := page.New(o).Supervisor(r); got != want {
			t.Errorf("when the password is %q, the session is still valid: %v, want %v", password, got, want)
		}
	}
}

func TestSupervisor_OnlyOperatorsOfAll_MayUseTheQueuesDashboard(t *testing.T) {
	w := newWorld(t, nil)
	u, _ := url.Parse(w.url)
	o := page.Options{Sessions: page.NewSessions(w.rdb, "ksef:"),
		Users: []page.User{user("anna", false, "A"), user("adam", true, "A"), user("olga", true)}}
	for name, want := range map[string]bool{"anna": false, "adam": false, "olga": true} {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url, nil)
		for _, c := range w.as(name).client.Jar.Cookies(u) {
			r.AddCookie(c)
		}
		if _, got := page.New(o).Supervisor(r); got != want {
			t.Errorf("%s may use the dashboard: %v, want %v", name, got, want)
		}
	}
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url, nil)
	if _, may := page.New(o).Supervisor(r); may {
		t.Error("somebody without a login may use the dashboard")
	}
}

func TestAct_FormOnAnotherSite_DoesNothing(t *testing.T) {
	w := newWorld(t, nil)
	id := w.take("A", sellerA, "MINE/1", ledger.Rejected, "")
	p := w.as("olga")
	for _, header := range [][]string{
		{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, {"Origin", "https://evil.example"},
		{"Sec-Fetch-Site", "same-site", "Origin", "http://127.0.0.1:9"},
	} {
		for path, form := range map[string]url.Values{"/invoices/" + id + "/dismiss": reason, "/invoices/" + id + "/retry": nil,
			"/open": {"do": {"dismiss"}, "reason": {"x"}, "id": {id}}, "/logout": nil,
			"/login": {"name": {"anna"}, "password": {"of anna"}}} {
			if status, _, _ := p.post(path, form, header...); status != http.StatusForbidden {
				t.Errorf("%s with %v: status %d, want 403", path, header, status)
			}
		}
	}
	if status, _, _ := p.get("/invoices/" + id + "/dismiss?reason=x"); status != http.StatusNotFound &&
		status != http.StatusMethodNotAllowed {
		t.Errorf("a dismissal by GET: status %d, want 404 or 405", status)
	}
	if got := w.state(id); got != ledger.Rejected {
		t.Errorf("the invoice is %s, want it still rejected", got)
	}
	if status, _, _ := p.post("/invoices/"+id+"/dismiss", reason, "Sec-Fetch-Site", "same-origin"); status != http.StatusSeeOther ||
		w.state(id) != ledger.Dismissed {
		t.Errorf("a form of the page itself has status %d, want 303, and the invoice is %s, want it dismissed", status, w.state(id))
	}
}

func TestAct_ViewerOrReadOnly_DoesNothing(t *testing.T) {
	for who, change := range map[string]func(*page.Options){"anna": nil, "olga": func(o *page.Options) { o.ReadOnly = true }} {
		w := newWorld(t, change)
		id := w.take("A", sellerA, "MINE/1", ledger.Parked, "")
		p := w.as(who)
		for path, form := range map[string]url.Values{"/invoices/" + id + "/dismiss": reason, "/invoices/" + id + "/retry": nil,
			"/open": {"do": {"retry"}, "id": {id}}} {
			if status, _, _ := p.post(path, form); status != http.StatusForbidden {
				t.Errorf("%s: a form to %s has status %d, want 403", who, path, status)
			}
		}
		if _, body, _ := p.get("/invoices/" + id); strings.Contains(body, "/dismiss") || w.state(id) != ledger.Parked {
			t.Errorf("%s may not act, but the page offers to dismiss the invoice, or the invoice is %s, want it parked", who, w.state(id))
		}
	}
}

func TestAct_Operator_RetriesAndDismissesAndItIsOnRecord(t *testing.T) {
	w := newWorld(t, nil)
	first, second, third := w.take("A", sellerA, "MINE/1", ledger.Rejected, ""), w.take("A", sellerA, "MINE/2", ledger.Parked, ""),
		w.take("A", sellerA, "MINE/3", ledger.Queued, "")
	refused := w.refuse("A", "MINE/4")
	p := w.as("adam")
	if status, _, _ := p.post("/invoices/"+first+"/dismiss", url.Values{"reason": {"  "}}); status != http.StatusBadRequest ||
		w.state(first) != ledger.Rejected {
		t.Errorf("a dismissal without a reason: status %d, want 400, and the invoice is %s, want it rejected", status, w.state(first))
	}
	if status, _, _ := p.post("/invoices/"+first+"/dismiss",
		url.Values{"reason": {strings.Repeat("ż", 501)}}); status != http.StatusBadRequest {
		t.Errorf("a dismissal with a long reason: status %d, want 400", status)
	}
	if status, _, header := p.post("/invoices/"+first+"/dismiss", reason); status != http.StatusSeeOther ||
		header.Get("Location") != "/invoices/"+first+"?asked=dismiss" {
		t.Errorf("a dismissal has status %d, want 303 to the invoice", status)
	}
	if status, _, _ := p.post("/invoices/"+third+"/retry", nil); status != http.StatusConflict {
		t.Errorf("the retry of a queued invoice has status %d, want 409", status)
	}
	if status, _, _ := p.post("/open", url.Values{"do": {"retry"}, "id": {second}}); status != http.StatusSeeOther {
		t.Errorf("the retry of an invoice picked from the list has status %d, want 303", status)
	}
	if status, _, _ := p.post("/open", url.Values{"do": {"dismiss"}, "reason": {"x"},
		"id": {"A|" + refused}}); status != http.StatusSeeOther {
		t.Errorf("the dismissal of a refused document has status %d, want 303", status)
	}
	inv, err := w.ledger.Invoice(t.Context(), first)
	w.check(err)
	if inv.State != ledger.Dismissed || !strings.Contains(inv.Reason, "adam: an advertisement") || w.state(second) != ledger.Queued {
		t.Errorf("the first invoice is %s (%s), want it dismissed by adam; the second is %s, want it queued",
			inv.State, inv.Reason, w.state(second))
	}
	entries, _, err := w.audit.List(t.Context(), "", time.Time{}, 10)
	w.check(err)
	var got []string
	for _, e := range entries {
		if e.ID != "127.0.0.1" {
			got = append(got, e.Who+" "+e.Via+" "+e.What+" "+e.Tenant+" "+e.ID)
		}
	}
	want := []string{"adam page dismiss A " + refused, "adam page retry A " + second, "adam page dismiss A " + first}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the audit log has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if _, body, _ := p.get("/invoices/" + first); !strings.Contains(body, "adam (this page)") {
		t.Error("the history does not tell who dismissed the invoice")
	}
}
