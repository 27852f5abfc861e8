package app_test

import (
	"net/http"
	"net/http/cookiejar"
	"path/filepath"
	"strings"
	"testing"

	"ksefworker/config"
	"ksefworker/internal/app"
	"ksefworker/internal/oidc/oidctest"
	"ksefworker/internal/sample"
)

// withProvider lets people log in at a provider. Its only person is in the group accounting, which
// makes this person an operator of all tenants. A test may change the groups.
func withProvider(t *testing.T, c *config.Config) *oidctest.Provider {
	op := oidctest.New(t)
	op.RedirectURL = "http://127.0.0.1:9" + config.OIDCReturnPath
	secret := filepath.Join(t.TempDir(), "oidc_secret")
	writeFile(t, secret, oidctest.Secret)
	o := &c.HTTP.OIDC
	o.Issuer, o.ClientID, o.ClientSecretFile, o.RedirectURL = op.URL, oidctest.ClientID, secret, op.RedirectURL
	o.Groups = []config.OIDCGroup{{Group: "accounting", Tenants: []string{config.AllTenants}, Role: config.Operator},
		{Group: "audit", Tenants: []string{sample.NIP(0)}}}
	return op
}

// signIn logs the person of a provider in at the business page.
func signIn(t *testing.T, addr string, op *oidctest.Provider) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	get := func(address string) string {
		res, err := client.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusSeeOther {
			t.Fatalf("%s: status %d, want 303", address, res.StatusCode)
		}
		return res.Header.Get("Location")
	}
	back := op.Login(get("http://" + addr + "/login/oidc"))
	if to := get("http://" + addr + back.RequestURI()); to != "/" {
		t.Fatalf("the login leads to %s, want /", to)
	}
	return client
}

// The configuration has a provider and no users. So everybody needs a login at the provider. People
// who have logged in there may use the worker's page and, as their groups allow, the queue's
// dashboard.
func TestSignIn_WorkerWithAProviderOnly_GuardsPageAndDashboard(t *testing.T) {
	t.Parallel()
	var op *oidctest.Provider
	p := newPool(t, 1, quickSim, func(c *config.Config) {
		op = withProvider(t, c)
		c.HTTP.Dashboard.ReadOnly = false
	})
	addr, stop := p.workAt()
	defer stop()
	for group, want := range map[string]int{"accounting": http.StatusOK, "audit": http.StatusForbidden} {
		op.Claims["groups"] = group
		client := signIn(t, addr, op)
		for path, want := range map[string]int{"/": http.StatusOK, "/monitoring/api/queues": want} {
			res, err := client.Get("http://" + addr + path)
			if err != nil {
				t.Fatal(err)
			}
			if _ = res.Body.Close(); res.StatusCode != want {
				t.Errorf("for the group %s, %s has status %d, want %d", group, path, res.StatusCode, want)
			}
		}
		res, err := client.Post("http://"+addr+"/monitoring/api/queues/invoices:resume", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
	}
	if log := p.log.String(); strings.Count(log, "a change was made in the dashboard") != 1 || !strings.Contains(log, `"user":"ewa","from":"127`) {
		t.Errorf("the log does not tell who changed what in the dashboard: %s", log)
	}
	if text := page(t, addr, "/monitoring/api/queues"); !strings.Contains(text, "log in at /") {
		t.Errorf("without a login the dashboard answers %q, want a text that says where to log in", text)
	}
	if text := page(t, addr, "/"); !strings.Contains(text, "/login/oidc") || strings.Contains(text, `name="password"`) {
		t.Errorf("without a login the page does not lead to the provider, or asks for a password: %s", text)
	}
}

func TestCheck_ProviderOfLogins_IsReported(t *testing.T) {
	t.Parallel()
	var op *oidctest.Provider
	p := newPool(t, 1, quickSim, func(c *config.Config) { op = withProvider(t, c) })
	for _, c := range []struct {
		answer func(http.ResponseWriter, *http.Request) bool
		want   string
	}{
		{nil, "ok     logins at " + op.URL + "\n"},
		{func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(http.StatusNotFound); return true },
			"FAULT  logins at " + op.URL + ": ask " + op.URL + " for its openid-configuration: "},
	} {
		op.Answer = c.answer
		var out strings.Builder
		err := app.CheckAll(t.Context(), p.cfg, &out)
		if !strings.Contains(out.String(), c.want) || (err == nil) != (c.answer == nil) || strings.Contains(out.String(), oidctest.Secret) {
			t.Errorf("--check ends with %v, want %q and no client secret:\n%s", err, c.want, out.String())
		}
	}
}
