package oidc

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// The page works with a provider that others wrote. The worker starts while the provider is away,
// and the provider comes back. People log in and have the rights of their groups, the provider's
// keys change, and people log out.
func TestWorker_ProviderByOthers_LogsPeopleInAndOut(t *testing.T) {
	s := newSite(t)
	s.op.stop()
	if out := s.check(); !strings.Contains(out, "FAULT  logins at "+s.op.issuer()) || !strings.Contains(out, "connection refused") {
		t.Errorf("while the provider is away, --check prints this, want the fault and its cause:\n%s", out)
	}
	s.run()
	b := s.browser()
	if _, body := b.get("/login"); !strings.Contains(body, "can&#39;t be reached now") || !strings.Contains(body, `name="password"`) {
		t.Errorf("while the provider is away, the login page is this, want it to say that the provider is away, and to ask for a password: %s",
			body)
	}
	local := url.Values{"name": {"local user"}, "password": {password}}
	if status, _ := b.post("/login", local); status != http.StatusOK || b.at.Path != "/" {
		t.Errorf("after the login with a password the user is at %s with status %d, want the start page", b.at, status)
	}
	if status, body := b.get("/readyz"); status != http.StatusOK && strings.Contains(body, s.op.address) {
		t.Errorf("the worker is not ready because of the provider: %s", body)
	}

	s.op.start()
	if out := s.check(); !strings.Contains(out, "ok     logins at "+s.op.issuer()) {
		t.Errorf("--check does not find the provider:\n%s", out)
	}
	s.answersAgain()

	anna := s.browser()
	const next = "/invoices?state=rejected"
	if status, body := anna.signIn("anna", next); status != http.StatusOK || anna.at.RequestURI() != next ||
		!strings.Contains(body, `<span class="who">anna</span>`) {
		t.Fatalf("anna is at %s with status %d, want the list of rejected invoices: %s\n%s", anna.at, status, body, s.logged())
	}
	olga := s.browser()
	s.op.set(func(p *provider) { p.inIDToken, p.key = true, newKey(t, "second") }) // all claims in the ID token, a key for ES256
	if status, body := olga.signIn("olga", "/"); status != http.StatusOK || !strings.Contains(body, `<span class="who">olga</span>`) {
		t.Fatalf("olga is at %s with status %d, want the start page with her name: %s\n%s", olga.at, status, body, s.logged())
	}
	for who, want := range map[*browser]int{anna: http.StatusForbidden, olga: http.StatusOK, s.browser(): http.StatusForbidden} {
		if status, _ := who.get("/monitoring/api/queues"); status != want {
			t.Errorf("the dashboard answers %d, want %d", status, want)
		}
	}
	if status, body := olga.get("/audit"); status != http.StatusOK || strings.Count(body, `<td data-l="Who">anna</td>`) != 1 ||
		strings.Count(body, `<td data-l="Who">olga</td>`) != 1 {
		t.Errorf("the audit log has status %d, want 200 and one login each of anna and olga: %s", status, body)
	}
	jan := s.browser()
	if status, body := jan.signIn("jan", "/"); status != http.StatusOK || jan.at.Path != "/login" ||
		!strings.Contains(body, "you are in no group that may use this page") {
		t.Errorf("jan is at %s with status %d, want the login page that says that he is in no group: %s", jan.at, status, body)
	}
	if status, _ := jan.get("/"); status != http.StatusOK || jan.at.Path != "/login" {
		t.Errorf("jan has no rights, but sees %s, want the login page", jan.at)
	}

	s.op.set(func(p *provider) { p.key = newKey(t, "third") })
	if status, _ := s.browser().signIn("anna", "/"); status != http.StatusOK {
		t.Errorf("after another rotation of keys a login has status %d, want 200", status)
	}
	status, body := olga.post("/logout", nil)
	_, leave, found := strings.Cut(body, `<a class="button" href="`)
	leave, _, _ = strings.Cut(leave, `"`)
	if status != http.StatusOK || !found || !strings.HasPrefix(leave, s.op.issuer()+"/end_session?") {
		t.Fatalf("the logout has status %d, want 200 and a link to the provider's logout: %s", status, body)
	}
	if status, _ := olga.get(strings.ReplaceAll(leave, "&amp;", "&")); status != http.StatusOK || olga.at.String() != s.url+"/login" {
		t.Errorf("the provider's logout leads to %s with status %d, want the login page", olga.at, status)
	}
	if olga.get("/"); olga.at.Path != "/login" {
		t.Errorf("after the logout olga sees %s, want the login page", olga.at)
	}
	if status, _ := anna.get("/"); status != http.StatusOK || anna.at.Path != "/" {
		t.Errorf("anna, who did not log out, sees %s, want the start page", anna.at)
	}
	s.noSecrets(anna, olga, jan)
}

// answersAgain waits until the worker gets answers from the provider again.
func (s *site) answersAgain() {
	s.t.Helper()
	s.until("the worker sees that the provider is back", func() bool {
		_, body := s.browser().get("/login")
		return !strings.Contains(body, "reached now") && len(s.lines("answers again")) == 1
	})
	if away := s.lines("nobody can log in with the provider"); len(away) != 1 {
		s.t.Errorf("the log says %d times that the provider was away, want once", len(away))
	}
}

// noSecrets checks that neither the log nor an address that a browser visited has a secret.
func (s *site) noSecrets(browsers ...*browser) {
	s.t.Helper()
	for _, b := range browsers {
		for _, address := range b.visited {
			u, err := url.Parse(address)
			if err != nil {
				s.t.Fatal(err)
			}
			if code := u.Query().Get("code"); code != "" && strings.Contains(s.logged(), code) {
				s.t.Error("the log has the code of a login")
			}
			for _, text := range []string{secret, url.QueryEscape(secret), password, "id_token", "access_token", "code_verifier"} {
				if strings.Contains(address, text) {
					s.t.Errorf("the text %q may be in no address, and is in %s", text, address)
				}
			}
		}
	}
	for _, text := range []string{secret, password, "eyJ"} { // every JWT begins with eyJ
		if strings.Contains(s.logged(), text) {
			s.t.Errorf("the text %q may not be in the log, and is there", text)
		}
	}
}
