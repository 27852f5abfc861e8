package config

import (
	"os"
	"strings"
	"testing"
	"time"
)

// oidcFile writes a configuration with a provider of OpenID Connect, and returns the file's path.
// replace lists texts of the block http, each followed by the text that replaces it.
func oidcFile(t *testing.T, replace ...string) string {
	t.Helper()
	return writeFile(t, "c.yaml", minimal+strings.NewReplacer(replace...).Replace(`http:
  addr: 0.0.0.0:8080
  oidc:
    issuer: https://login.example.com/realms/office
    client_id: ksef
    client_secret_file: /run/secrets/oidc
    redirect_url: https://ksef.example.com/login/oidc/callback
    groups: [{group: accounting, tenants: ["5265877635"], role: operator}, {group: audit, tenants: ["*"]}]
`))
}

func TestOIDC_ProviderIsALogin_PageMayBeReachedFromElsewhere(t *testing.T) {
	c, err := Load(oidcFile(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	o := c.HTTP.OIDC
	if o.Name() != "login.example.com" || o.Session != 8*time.Hour || o.GroupsClaim != "groups" || len(o.Scopes) != 3 {
		t.Errorf("the provider is read as %+v, want the issuer's host as its name, 8h, groups and three scopes", o)
	}
	if got := c.TitlesSeen(o.Groups[0].Tenants); len(got) != 1 {
		t.Errorf("the first group sees %q, want one tenant", got)
	}
	if got := c.TitlesSeen(o.Groups[1].Tenants); got != nil {
		t.Errorf("the second group sees %q, want all", got)
	}
	if c, err = Load(oidcFile(t), []string{"KSEF_HTTP_OIDC_TITLE=The office", "KSEF_HTTP_OIDC_SESSION=0s"}); err != nil ||
		c.HTTP.OIDC.Name() != "The office" || c.HTTP.OIDC.Session != 0 {
		t.Errorf("with variables the provider is read as %+v (error %v), want the title and the session of the variables", c.HTTP.OIDC, err)
	}
}

func TestOIDC_WrongSettings_AreNamedWithWhatToDo(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{"https://login.example.com/realms/office", "http://login.example.com", "issuer: http://login.example.com must begin with https"},
		{"https://login.example.com/realms/office", "login.example.com", "http.oidc.issuer: must be an absolute URL"},
		{"https://login.example.com/realms/office", "https://me:geheim@login.example.com", "http.oidc.issuer: must not contain a login"},
		{"https://login.example.com/realms/office", "https://login.example.com/?a=b", "must have no query"},
		{"issuer: https://login.example.com/realms/office", "issuer: ''", "http.oidc.issuer: is missing"},
		{"client_id: ksef", "title: x", "http.oidc.client_id: is missing"},
		{"client_secret_file: /run/secrets/oidc", "title: x", "http.oidc.client_secret_file: is missing"},
		{"redirect_url: https://ksef.example.com/login/oidc/callback", "title: x", "http.oidc.redirect_url: is missing"},
		{"com/login/oidc/callback", "com/", "must be the address of the page followed by /login/oidc/callback"},
		{"https://ksef.example.com", "http://ksef.example.com", "callback must begin with https"},
		{"client_id: ksef", "client_id: ksef\n    post_logout_redirect_url: /login", "redirect_url: must be an absolute URL"},
		{"client_id: ksef", "client_id: ksef\n    session: 24h", "http.oidc.session: 24h0m0s must be between 5m and 12h"},
		{"client_id: ksef", "client_id: ksef\n    scopes: [a b]", "http.oidc.scopes: a b must be a list of names"},
		{"client_id: ksef", "client_id: ksef\n    groups_claim: ''", "http.oidc.groups_claim: is empty"},
		{"client_id: ksef", "client_id: ksef\n    title: " + strings.Repeat("x", 61), "has 61 characters"},
		{"client_id: ksef", "client_id: ksef\n    tenants_claim: x", "tenants_claim"},
		{"group: accounting", "group: ''", "http.oidc.groups[0].group: is missing"},
		{"role: operator", "role: boss", "http.oidc.groups[0].role: boss must be viewer or operator"},
		{`["5265877635"]`, `["1111111111"]`, "http.oidc.groups[0].tenants: 1111111111 is neither name nor NIP"},
		{`["5265877635"]`, `[]`, "http.oidc.groups[0].tenants: is empty"},
	} {
		_, err := Load(oidcFile(t, c.from, c.to), nil)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: the error is %v, want it to say %q", c.to, err, c.want)
		}
	}
}

func TestOIDC_Files_AreReadAndFaultsNameThem(t *testing.T) {
	o := OIDC{Issuer: "https://login.example.com", ClientID: "ksef", ClientSecretFile: writeFile(t, "secret", "geheim\n")}
	c, err := o.Client()
	if err != nil || c.Secret != "geheim" || c.Roots != nil || len(c.Seal("x")) != 64 || strings.Contains(c.Seal("x"), "geheim") {
		t.Fatalf("the client has the secret %q and roots: %v (error %v), want the file's secret, no roots, and a seal without the secret",
			c.Secret, c.Roots != nil, err)
	}
	if err := os.WriteFile(o.ClientSecretFile, []byte("another"), 0o600); err != nil {
		t.Fatal(err)
	}
	if other, err := o.Client(); err != nil || other.Seal("x") == c.Seal("x") {
		t.Errorf("the seal does not change with the secret (error %v)", err)
	}
	o.CAFile = o.ClientSecretFile
	_, err = o.Client()
	if err == nil || !strings.Contains(err.Error(), "contains no certificate") || strings.Contains(err.Error(), "another") {
		t.Errorf("a CA file without a certificate: the error is %v, want it to say so without the file's content", err)
	}
	o.ClientSecretFile += ".missing"
	if _, err := o.Client(); err == nil || !strings.Contains(err.Error(), "read http.oidc.client_secret_file: no file") {
		t.Errorf("a missing client_secret_file: the error is %v, want it to say that there is no file", err)
	}
	if _, err := (OIDC{}).Client(); err != nil {
		t.Errorf("without a provider there is an error: %v", err)
	}
}
