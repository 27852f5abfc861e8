package page_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/oidc"
	"ksefworker/internal/oidc/oidctest"
	"ksefworker/internal/page"
)

// office is a page with a provider of logins in addition to its users.
type office struct {
	*world
	op *oidctest.Provider
	in *page.SignIn
}

func newOffice(t *testing.T, change func(*page.Options)) *office {
	op := oidctest.New(t)
	op.RedirectURL = "http://127.0.0.1:9" + page.ReturnPath
	in := &page.SignIn{Title: "Office & Co", Lasts: time.Hour, Seal: seal(oidctest.Secret),
		Grants: []page.Grant{{Group: "accounting", Tenants: []string{"A"}, Operator: true}, {Group: "audit"},
			{Group: "boss", Operator: true}},
		Provider: oidc.New(oidc.Options{Issuer: op.URL, ClientID: oidctest.ClientID, ClientSecret: oidctest.Secret,
			RedirectURL: op.RedirectURL, GroupsClaim: "groups", Now: time.Now})}
	t.Cleanup(in.Provider.Close)
	o := &office{op: op, in: in}
	o.world = newWorld(t, func(options *page.Options) {
		options.SignIn = in
		if change != nil {
			change(options)
		}
	})
	return o
}

// groups sets the groups of the person at the provider.
func (o *office) groups(names ...string) { o.op.Claims["groups"] = names }

// leave sends a browser to the provider, lets the person log in there, and returns the address that
// the provider leads back to.
func (o *office) leave(p *person, next string) string {
	o.t.Helper()
	status, _, header := p.get("/login/oidc?next=" + url.QueryEscape(next))
	if status != http.StatusSeeOther || !strings.HasPrefix(header.Get("Location"), o.op.URL+"/authorize?") {
		o.t.Fatalf("the login has status %d and leads to %s, want the provider", status, header.Get("Location"))
	}
	return page.ReturnPath + "?" + o.op.Login(header.Get("Location")).RawQuery
}

// signIn does a whole login and returns the address that it leads to.
func (o *office) signIn(p *person, next string) string {
	o.t.Helper()
	status, body, header := p.get(o.leave(p, next))
	if status != http.StatusSeeOther {
		o.t.Fatalf("the way back has status %d, want 303: %s", status, body)
	}
	return header.Get("Location")
}

// signedIn returns a browser in which the person of the provider is logged in.
func (o *office) signedIn() *person {
	o.t.Helper()
	p := o.somebody()
	if to := o.signIn(p, "/"); to != "/" {
		o.t.Fatalf("the login leads to %s, want /", to)
	}
	return p
}
