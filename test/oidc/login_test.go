package oidc

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// The page works with a provider that others wrote. People log in as their groups say, the keys
// change, the provider goes away and comes back, and people log out. The worker starts while the
// provider is away.
func TestWorker_ProviderByOthers_LogsPeopleInAndOut(t *testing.T) {
	s := newSite(t)
	s.op.stop()
	if out := s.check(); !strings.Contains(out, "FAULT  logins at "+s.op.issuer()) || !strings.Contains(out, "connection refused") {
		t.Errorf("--check while the provider is away:\n%s", out)
	}
	s.run()
	b := s.browser()
	if _, body := b.get("/login"); !strings.Contains(body, "can&#39;t be reached now") || !strings.Contains(body, `name="password"`) {
		t.Errorf("the login while the provider is away: %s", body)
	}
	local := url.Values{"name": {"local user"}, "password": {password}}
	if status, _ := b.post("/login", local); status != http.StatusOK || b.at.Path != "/" {
		t.Errorf("a user with a password is at %s with status %d", b.at, status)
	}
	if status, body := b.get("/readyz"); status != http.StatusOK && strings.Contains(body, s.op.address) {
		t.Errorf("readiness goes by the provider: %s", body)
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
		t.Fatalf("anna is at %s with status %d: %s\n%s", anna.at, status, body, s.logged())
	}
	olga := s.browser()
	s.op.set(func(p *provider) { p.inIDToken, p.key = true, newKey(t, "second") }) // new key, another algorithm, claims elsewhere
	if status, body := olga.signIn("olga", "/"); status != http.StatusOK || !strings.Contains(body, `<span class="who">olga</span>`) {
		t.Fatalf("olga is at %s with status %d: %s\n%s", olga.at, status, body, s.logged())
	}
	for who, want := range map[*browser]int{anna: http.StatusForbidden, olga: http.StatusOK, s.browser(): http.StatusForbidden} {
		if status, _ := who.get("/monitoring/api/queues"); status != want {
			t.Errorf("the dashboard answers %d, want %d", status, want)
		}
	}
	if status, body := olga.get("/audit"); status != http.StatusOK || strings.Count(body, `<td data-l="Who">anna</td>`) != 1 ||
		strings.Count(body, `<td data-l="Who">olga</td>`) != 1 {
		t.Errorf("the audit log has status %d: %s", status, body)
	}
	jan := s.browser()
	if status, body := jan.signIn("jan", "/"); status != http.StatusOK || jan.at.Path != "/login" ||
		!strings.Contains(body, "you are in no group that may use this page") {
		t.Errorf("jan is at %s with status %d: %s", jan.at, status, body)
	}
	if status, _ := jan.get("/"); status != http.StatusOK || jan.at.Path != "/login" {
		t.Errorf("jan has no rights, but sees %s", jan.at)
	}

	s.op.set(func(p *provider) { p.key = newKey(t, "third") })
	if status, _ := s.browser().signIn("anna", "/"); status != http.StatusOK {
		t.Errorf("after another rotation of keys a login has status %d", status)
	}
	status, body := olga.post("/logout", nil)
	_, leave, found := strings.Cut(body, `<a class="button" href="`)
	leave, _, _ = strings.Cut(leave, `"`)
	if status != http.StatusOK || !found || !strings.HasPrefix(leave, s.op.issuer()+"/end_session?") {
		t.Fatalf("the logout has status %d: %s", status, body)
	}
	if status, _ := olga.get(strings.ReplaceAll(leave, "&amp;", "&")); status != http.StatusOK || olga.at.String() != s.url+"/login" {
		t.Errorf("the provider's logout leads to %s with status %d", olga.at, status)
	}
	if olga.get("/"); olga.at.Path != "/login" {
		t.Errorf("after the logout olga sees %s", olga.at)
	}
	if status, _ := anna.get("/"); status != http.StatusOK || anna.at.Path != "/" {
		t.Errorf("anna, who did not log out, sees %s", anna.at)
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
		s.t.Errorf("the log tells %d times that it was away", len(away))
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
				s.t.Error("the log has a code")
			}
			for _, text := range []string{secret, url.QueryEscape(secret), password, "id_token", "access_token", "code_verifier"} {
				if strings.Contains(address, text) {
					s.t.Errorf("an address has %q: %s", text, address)
				}
			}
		}
	}
	for _, text := range []string{secret, password, "eyJ"} { // every JWT begins with eyJ
		if strings.Contains(s.logged(), text) {
			s.t.Errorf("the log has %q", text)
		}
	}
}
