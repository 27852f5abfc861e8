package page_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/audit"
	"ksefworker/internal/ledger"
	"ksefworker/internal/page"
)

func TestSignIn_Person_SeesAndDoesWhatTheGroupGives(t *testing.T) {
	o := newOffice(t, nil)
	mine, other := o.take("A", sellerA, "MINE/1", ledger.Rejected, ""), o.take("B", sellerB, "SECRET/1", ledger.Rejected, "")
	p := o.somebody()
	if status, body, _ := p.get("/login?next=%2Fopen"); status != http.StatusOK || !strings.Contains(body, `name="password"`) ||
		!strings.Contains(body, `href="/login/oidc?next=%2Fopen"`) || !strings.Contains(body, "Log in with Office &amp; Co") {
		t.Errorf("the login page has status %d, or lacks a way to log in: %s", status, body)
	}
	if _, body, _ := p.get("/login", "Accept-Language", "pl"); !strings.Contains(body, "Zaloguj się przez: Office &amp; Co") {
		t.Errorf("the login page in Polish does not name the provider: %s", body)
	}
	if to := o.signIn(p, "/open?tenant=A"); to != "/open?tenant=A" {
		t.Errorf("the login leads to %s, want /open?tenant=A", to)
	}
	if _, body, _ := p.get("/open"); !strings.Contains(body, "MINE/1") || strings.Contains(body, "SECRET") ||
		!strings.Contains(body, `<span class="who">ewa</span>`) {
		t.Errorf("the open items are not those of ewa's tenant: %s", body)
	}
	for id, want := range map[string]int{mine: http.StatusSeeOther, other: http.StatusNotFound} {
		if status, _, _ := p.post("/invoices/"+id+"/dismiss", reason); status != want {
			t.Errorf("the dismissal of %s has status %d, want %d", id, status, want)
		}
	}
	entries, _, err := o.audit.List(t.Context(), "", time.Time{}, 10)
	o.check(err)
	var got []string
	for _, e := range entries {
		got = append(got, strings.Join([]string{e.Who, e.Via, e.What, e.Tenant}, " "))
	}
	if want := "ewa page dismiss A, ewa page login "; strings.Join(got, ", ") != want {
		t.Errorf("the audit log has %q, want %q", got, want)
	}
	if !strings.Contains(o.log.String(), `"user":"ewa","subject":"1234"`) {
		t.Errorf("the log does not tell who logged in: %s", o.log)
	}
}

// A person who is an operator of one tenant, and may only see the others, can act on that tenant
// alone.
func TestSignIn_SeveralGroups_EachRoleCountsForItsOwnTenants(t *testing.T) {
	o := newOffice(t, nil)
	a, b := o.take("A", sellerA, "MINE/1", ledger.Parked, ""), o.take("B", sellerB, "OTHER/1", ledger.Parked, "")
	refused := o.refuse("B", "OTHER/2")
	o.groups("audit", "accounting", "unknown")
	p := o.signedIn()
	_, body, _ := p.get("/open")
	if !strings.Contains(body, "OTHER/1") || !strings.Contains(body, `value="`+a+`"`) || strings.Contains(body, `value="`+b+`"`) ||
		strings.Contains(body, `value="B|`) {
		t.Errorf("the open items do not show B's invoice, do not offer to act on A's, or offer to act on B's: %s", body)
	}
	if _, body, _ := p.get("/invoices/" + b); strings.Contains(body, "/dismiss") || strings.Contains(body, "/retry") {
		t.Error("the page of B's invoice offers to act on it")
	}
	for _, act := range []func() (int, string, http.Header){
		func() (int, string, http.Header) { return p.post("/invoices/"+b+"/dismiss", reason) },
		func() (int, string, http.Header) { return p.post("/invoices/"+b+"/retry", nil) },
		func() (int, string, http.Header) {
			return p.post("/open", url.Values{"do": {"dismiss"}, "reason": {"x"}, "id": {b, "B|" + refused}})
		},
		func() (int, string, http.Header) { return p.get("/audit") },
	} {
		if status, _, _ := act(); status < 400 {
			t.Errorf("an act on the other tenant has status %d, want an error", status)
		}
	}
	if left, err := o.ledger.CountRefusals(t.Context()); err != nil || left["B"] != 1 || o.state(b) != ledger.Parked {
		t.Errorf("CountRefusals returned %v and %v, want one refusal of B; the invoice of B is %s, want it parked", err, left, o.state(b))
	}
	if status, _, _ := p.post("/invoices/"+a+"/dismiss", reason); status != http.StatusSeeOther || o.state(a) != ledger.Dismissed {
		t.Errorf("the dismissal of A's invoice has status %d, want 303, and the invoice is %s, want it dismissed", status, o.state(a))
	}
}

func TestSignIn_GroupOfOperatorsOfAll_MayUseTheQueuesDashboard(t *testing.T) {
	for group, want := range map[string]bool{"boss": true, "audit": false, "accounting": false} {
		o := newOffice(t, nil)
		o.groups(group)
		u, _ := url.Parse(o.url)
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, o.url, nil)
		for _, c := range o.signedIn().client.Jar.Cookies(u) {
			r.AddCookie(c)
		}
		options := page.Options{SignIn: o.in, Sessions: page.NewSessions(o.rdb, "ksef:")}
		if name, got := page.New(options).Supervisor(r); got != want || name != "ewa" {
			t.Errorf("%s, a member of %s, may use the dashboard: %v; want ewa and %v", name, group, got, want)
		}
	}
}

func TestSignIn_NoGroupThatCounts_IsRefusedWithAReason(t *testing.T) {
	o := newOffice(t, nil)
	o.groups("Accounting", "canteen")
	p := o.somebody()
	to := o.signIn(p, "/open")
	if to != "/login?fault=no-group&next=%2Fopen" {
		t.Errorf("the login leads to %s, want back to the login with no-group", to)
	}
	for lang, words := range map[string]string{"en": "you are in no group that may use this page", "pl": "nie należy do żadnej grupy"} {
		if _, body, _ := p.get(to, "Accept-Language", lang); !strings.Contains(body, words) || !strings.Contains(body, o.op.URL+"/end?") {
			t.Errorf("in %s the login does not say why it fails, or how to log out at the provider: %s", lang, body)
		}
	}
	if status, _, header := p.get("/open"); status != http.StatusSeeOther || !strings.HasPrefix(header.Get("Location"), "/login") {
		t.Errorf("a page without a login has status %d and leads to %s, want 303 to the login", status, header.Get("Location"))
	}
	entries, _, err := o.audit.List(t.Context(), "", time.Time{}, 10)
	o.check(err)
	if len(entries) != 1 || entries[0].Who != "ewa" || entries[0].What != audit.Refused || entries[0].NotDone != "no-group" {
		t.Errorf("the audit log has %+v, want one refused login of ewa", entries)
	}
	if !strings.Contains(o.log.String(), `"groups":["Accounting","canteen"]`) {
		t.Errorf("the log does not name the person's groups, one of which has to be in the configuration: %s", o.log)
	}
}

// Somebody who may choose a name at the provider must not pass for a user of the configuration.
func TestSignIn_NameOfAUser_IsRefused(t *testing.T) {
	for _, name := range []string{"olga", "local"} {
		o := newOffice(t, nil)
		o.op.Claims["preferred_username"] = name
		if to := o.signIn(o.somebody(), "/"); to != "/login?fault=name-taken" {
			t.Errorf("the name %s is taken, but the login leads to %s, want the login with name-taken", name, to)
		}
	}
}

func TestSignIn_AnswerRepeatedOrInAnotherBrowser_IsRefused(t *testing.T) {
	slow := &slowed{}
	o := newOffice(t, func(options *page.Options) { options.Throttle = slow })
	p := o.somebody()
	u, _ := url.Parse(o.url)
	back := o.leave(p, "/open")
	stolen := p.client.Jar.Cookies(u)
	if _, _, header := o.somebody().get(back); header.Get("Location") != "/login?fault=stale" {
		t.Errorf("in another browser the answer leads to %s, want the login with stale", header.Get("Location"))
	}
	if _, _, header := p.get(back); header.Get("Location") != "/open" {
		t.Errorf("in the right browser the answer leads to %s, want /open", header.Get("Location"))
	}
	thief := o.somebody()
	thief.client.Jar.SetCookies(u, stolen)
	if _, _, header := thief.get(back); header.Get("Location") != "/login?fault=stale&next=%2Fopen" {
		t.Errorf("repeated with the same cookie, the answer leads to %s, want the login with stale", header.Get("Location"))
	}
	if status, _, _ := thief.get("/open"); status != http.StatusSeeOther {
		t.Errorf("the thief is logged in: /open has status %d, want 303 to the login", status)
	}
	if n := o.op.Requests("/token"); n != 1 || slow.failed != 2 {
		t.Errorf("the code was sent to the provider %d times, want once, and %d failures are counted, want two", n, slow.failed)
	}
	slow.wait = 3 * time.Second
	if _, _, header := p.get(back); header.Get("Location") != "/login?fault=too-many" {
		t.Errorf("while logins are refused, the answer leads to %s, want the login with too-many", header.Get("Location"))
	}
	for _, text := range []string{back, strings.TrimPrefix(back, page.ReturnPath)} {
		if strings.Contains(o.log.String(), text) {
			t.Errorf("the log has the code: %s", o.log)
		}
	}
}

// Somebody begins a login in two windows. The login that was begun last counts, whichever window
// comes back first.
func TestSignIn_TwoWindows_TheLastOneCounts(t *testing.T) {
	o := newOffice(t, nil)
	p := o.somebody()
	first, last := o.leave(p, "/open"), o.leave(p, "/days")
	for _, c := range [][2]string{{first, "/login?fault=stale&next=%2Fdays"}, {last, "/days"}} {
		if _, _, header := p.get(c[0]); header.Get("Location") != c[1] {
			t.Errorf("the way back %s leads to %s, want %s", c[0], header.Get("Location"), c[1])
		}
	}
}

func TestSignIn_Next_LeadsToThisPageOnly(t *testing.T) {
	o := newOffice(t, nil)
	for _, next := range []string{"//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)", ""} {
		if to := o.signIn(o.somebody(), next); to != "/" {
			t.Errorf("the login with next %q leads to %s, want the overview", next, to)
		}
	}
	_, body, _ := o.somebody().get("/login?fault=" + url.QueryEscape("<script>evil") + "&next=//evil.example")
	if strings.Contains(body, "<script>evil") || strings.Contains(body, `"//evil`) || !strings.Contains(body, `href="/login/oidc"`) {
		t.Errorf("the login shows what is in its address: %s", body)
	}
}

func TestSignIn_CookiesAndRedis_HoldNoSecretsAndExpire(t *testing.T) {
	o := newOffice(t, func(options *page.Options) { options.Secure = true })
	_, _, header := o.somebody().get("/login/oidc")
	cookie := header.Get("Set-Cookie")
	for _, part := range []string{"__Host-ksef-login=", "Path=/", "Max-Age=600", "HttpOnly", "Secure", "SameSite=Lax"} {
		if !strings.Contains(cookie, part) {
			t.Errorf("the cookie of the attempt has no %s: %s", part, cookie)
		}
	}
	if len(o.rdb.Keys(t.Context(), "*").Val()) != 0 {
		t.Error("a login that was only begun is in Redis")
	}
	attempt, _, _ := strings.Cut(strings.TrimPrefix(cookie, "__Host-ksef-login="), ";")
	back := page.ReturnPath + "?" + o.op.Login(header.Get("Location")).RawQuery
	_, _, header = o.somebody().get(back, "Cookie", "__Host-ksef-login="+attempt)
	cookies := strings.Join(header.Values("Set-Cookie"), "\n")
	for _, part := range []string{"__Host-ksef=", "Max-Age=3600", "__Host-ksef-login=; Path=/; Max-Age=0"} {
		if !strings.Contains(cookies, part) {
			t.Errorf("the cookies have no %s:\n%s", part, cookies)
		}
	}
	answer, _ := url.ParseQuery(strings.TrimPrefix(back, page.ReturnPath+"?"))
	for _, key := range o.rdb.Keys(t.Context(), "ksef:s*").Val() {
		text := key + o.rdb.Get(t.Context(), key).Val()
		for _, secret := range []string{attempt, answer.Get("code"), answer.Get("state"), "an-access-token"} {
			if strings.Contains(text, secret) {
				t.Errorf("Redis has the secret %q in %s", secret, text)
			}
		}
		if ttl := o.rdb.TTL(t.Context(), key).Val(); ttl <= 0 || ttl > time.Hour {
			t.Errorf("the key %s stays for %v, want more than 0 and at most an hour", key, ttl)
		}
	}
}

func TestSignIn_ProviderAway_UsersStillLogInAndThePageSaysSo(t *testing.T) {
	o := newOffice(t, nil)
	o.op.Answer = func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(http.StatusBadGateway); return true }
	p := o.somebody()
	for lang, words := range map[string]string{"en": "Office &amp; Co can&#39;t be reached now", "pl": "jest teraz niedostępna"} {
		if status, body, _ := p.get("/login", "Accept-Language", lang); status != http.StatusOK || strings.Count(body, words) != 1 {
			t.Errorf("in %s the login page has status %d, or does not say once that the provider is away: %s", lang, status, body)
		}
	}
	_, _, header := p.get("/login/oidc?next=/open")
	if header.Get("Location") != "/login?fault=unreachable&next=%2Fopen" {
		t.Errorf("the provider is away, and the login leads to %s, want the login with unreachable", header.Get("Location"))
	}
	if _, body, _ := p.get(header.Get("Location")); strings.Count(body, "reached now") != 1 {
		t.Errorf("the page says %d times that the provider is away, want once", strings.Count(body, "reached now"))
	}
	if status, _, _ := o.as("olga").get("/"); status != http.StatusOK {
		t.Errorf("after a login with a password, the overview has status %d, want 200", status)
	}
}

func TestSignIn_FailsAtTheProvider_IsSaidInBothLanguages(t *testing.T) {
	o := newOffice(t, func(options *page.Options) { options.Users = nil })
	said := map[string]bool{}
	for _, fault := range []string{"unreachable", "denied", "stale", "untrusted", "setup", "no-group", "name-taken", "too-many"} {
		for _, lang := range []string{"en", "pl"} {
			_, body, _ := o.somebody().get("/login?fault="+fault, "Accept-Language", lang)
			_, notice, found := strings.Cut(body, `<p class="notice bad" role="alert">`)
			notice, _, _ = strings.Cut(notice, "<")
			if !found || said[notice] || strings.Contains(body, `name="password"`) {
				t.Errorf("for %s in %s the notice is %q, want words of its own", fault, lang, notice)
			}
			said[notice] = true
		}
	}
	if _, body, _ := o.somebody().get("/login?fault=anything"); strings.Contains(body, "notice") {
		t.Error("for an unknown fault the login shows a notice, want none")
	}
	form := url.Values{"name": {"olga"}, "password": {"of olga"}}
	if status, _, _ := o.somebody().post("/login", form); status != http.StatusUnauthorized {
		t.Errorf("without users, a login with a password has status %d, want 401", status)
	}
}

func TestSignIn_NotConfigured_IsNotThere(t *testing.T) {
	w := newWorld(t, nil)
	for _, path := range []string{"/login/oidc", page.ReturnPath + "?code=x&state=y"} {
		if status, _, _ := w.somebody().get(path); status != http.StatusNotFound {
			t.Errorf("%s has status %d, want 404", path, status)
		}
	}
	if _, body, _ := w.somebody().get("/login?fault=no-group"); strings.Contains(body, "oidc") || strings.Contains(body, "notice") {
		t.Errorf("the login page names a provider, which is not configured: %s", body)
	}
}

// The rights of a session follow the configuration. SignIn.Lasts says how long the session lasts,
// up to SessionTime. If Lasts is 0, the session ends with the ID token, which is valid for five
// minutes here.
func TestSession_AtTheProvider_FollowsConfigurationAndExpiry(t *testing.T) {
	o := newOffice(t, nil)
	u, _ := url.Parse(o.url)
	cookies := o.signedIn().client.Jar.Cookies(u)
	for name, c := range map[string]struct {
		change func(*page.SignIn)
		none   bool // the session is no longer valid
		want   bool // the session is that of an operator of all tenants
	}{
		"as it was":          {func(*page.SignIn) {}, false, false},
		"the group got more": {func(in *page.SignIn) { in.Grants = []page.Grant{{Group: "accounting", Operator: true}} }, false, true},
		"the group is gone":  {func(in *page.SignIn) { in.Grants = in.Grants[1:] }, true, false},
		"another secret": {func(in *page.SignIn) {
			in.Seal = seal("another")
			in.Grants = []page.Grant{{Group: "accounting", Operator: true}}
		}, true, false},
	} {
		in := *o.in
		c.change(&in)
		other := newWorld(t, func(options *page.Options) {
			options.SignIn = &in
			options.Sessions = page.NewSessions(o.rdb, "ksef:")
		})
		p := other.somebody()
		v, _ := url.Parse(other.url)
		p.client.Jar.SetCookies(v, cookies)
		status, _, _ := p.get("/")
		audits, _, _ := p.get("/audit")
		if (status == http.StatusSeeOther) != c.none || (audits == http.StatusOK) != c.want {
			t.Errorf("%s: the overview has status %d, want the session ended: %v; the audit log has %d, want it shown: %v",
				name, status, c.none, audits, c.want)
		}
	}
	for lasts, want := range map[time.Duration]time.Duration{0: 5 * time.Minute, time.Hour: time.Hour, 100 * time.Hour: page.SessionTime} {
		o := newOffice(t, nil)
		o.in.Lasts = lasts
		o.signedIn()
		for _, key := range o.rdb.Keys(t.Context(), "ksef:session:*").Val() {
			if ttl := o.rdb.TTL(t.Context(), key).Val(); ttl > want || ttl < want-time.Minute {
				t.Errorf("with %v the session lasts %v, want %v", lasts, ttl, want)
			}
		}
	}
}

func TestLogout_OfSomebodyFromTheProvider_OffersItsLogout(t *testing.T) {
	o := newOffice(t, nil)
	p := o.signedIn()
	u, _ := url.Parse(o.url)
	stolen := p.client.Jar.Cookies(u)
	status, body, _ := p.post("/logout", nil)
	if status != http.StatusOK || !strings.Contains(body, fmt.Sprintf(`href="%s/end?client_id=ksef"`, o.op.URL)) ||
		strings.Contains(body, "ewa") {
		t.Errorf("the page after the logout has status %d, want 200 with a link to the provider's logout and no name: %s", status, body)
	}
	p.client.Jar.SetCookies(u, stolen)
	if status, _, _ := p.get("/"); status != http.StatusSeeOther {
		t.Errorf("with the cookie from before the logout: status %d, want 303", status)
	}
	if _, _, header := o.as("olga").post("/logout", nil); header.Get("Location") != "/login" {
		t.Errorf("the logout of a user with a password leads to %q, want /login", header.Get("Location"))
	}
}
