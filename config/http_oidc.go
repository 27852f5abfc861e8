package config

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"
	"unicode/utf8"
)

// OIDC is a provider of OpenID Connect at which people log in to the business page, in addition to
// the users of the configuration. The zero value means none.
type OIDC struct {
	// Issuer is the provider's URL, exactly as its own openid-configuration has it; empty means no
	// provider.
	Issuer string `yaml:"issuer" env:"ISSUER"`
	// ClientID is the name of this client at the provider.
	ClientID string `yaml:"client_id" env:"CLIENT_ID"`
	// ClientSecretFile holds the secret of the client.
	ClientSecretFile string `yaml:"client_secret_file" env:"CLIENT_SECRET_FILE"`
	// RedirectURL is the address of the page as browsers know it, with [OIDCReturnPath] as its
	// path.
	RedirectURL string `yaml:"redirect_url" env:"REDIRECT_URL"`
	// PostLogoutRedirectURL is where the provider sends people after a logout that began at the
	// page and also ended their login at the provider. Empty means that the provider shows a page
	// of its own.
	PostLogoutRedirectURL string `yaml:"post_logout_redirect_url" env:"POST_LOGOUT_REDIRECT_URL"`
	// Title is what people call the provider, for the button; empty means the issuer's host.
	Title string `yaml:"title" env:"TITLE"`
	// Scopes are what the client asks for; openid is always among them.
	Scopes []string `yaml:"scopes" env:"SCOPES"`
	// NameClaim is the claim with the person's name for the audit log. Empty means
	// preferred_username, else email unless it is unverified, else sub.
	NameClaim string `yaml:"name_claim" env:"NAME_CLAIM"`
	// GroupsClaim is the claim with a person's groups: its name, or a path with dots.
	GroupsClaim string `yaml:"groups_claim" env:"GROUPS_CLAIM"`
	// Groups say who may do what. Only the file can name them. A person in none of them has no
	// rights.
	Groups []OIDCGroup `yaml:"groups" env:"-"`
	// Session is how long a login lasts; 5m to 12h. 0 means until the ID token expires.
	Session time.Duration `yaml:"session" env:"SESSION"`
	// CAFile is a PEM file with the authorities for the provider's certificate; empty means the
	// system's authorities.
	CAFile string `yaml:"ca_file" env:"CA_FILE"`
}

// OIDCGroup says what the members of one group of the provider may see and do.
type OIDCGroup struct {
	// Group is a value of the claim, compared exactly.
	Group string `yaml:"group"`
	// Tenants are the names or NIPs of the tenants that the group sees. [AllTenants] alone means
	// all tenants.
	Tenants []string `yaml:"tenants"`
	// Role is viewer or operator, for these tenants; "" is viewer.
	Role Role `yaml:"role"`
}

// OIDCReturnPath is the path of the page to which the provider sends people back.
const OIDCReturnPath = "/login/oidc/callback"

func defaultOIDC() OIDC {
	return OIDC{Scopes: []string{"openid", "profile", "email"}, GroupsClaim: "groups", Session: 8 * time.Hour}
}

// Enabled reports whether there is a provider.
func (o OIDC) Enabled() bool { return o.Issuer != "" }

// Name returns what people call the provider.
func (o OIDC) Name() string {
	if o.Title != "" {
		return o.Title
	}
	if u, err := url.Parse(o.Issuer); err == nil {
		return u.Hostname()
	}
	return o.Issuer
}

func checkOIDC(c *Config, f *faults) {
	o := c.HTTP.OIDC
	const at = "http.oidc."
	if !o.Enabled() {
		if o.ClientID != "" || o.ClientSecretFile != "" || o.RedirectURL != "" || len(o.Groups) > 0 {
			f.add(at+"issuer", "", errors.New("is missing: the URL of the provider"))
		}
		return
	}
	if u := f.webAddress(at+"issuer", o.Issuer); u != nil && u.RawQuery != "" {
		f.add(at+"issuer", o.Issuer, errors.New("must have no query"))
	}
	if o.ClientID == "" {
		f.add(at+"client_id", "", errors.New("is missing: the name of this client at the provider"))
	}
	if o.ClientSecretFile == "" {
		f.add(at+"client_secret_file", "", errors.New("is missing: a file with the client's secret"))
	}
	if u := f.webAddress(at+"redirect_url", o.RedirectURL); u != nil && (u.Path != OIDCReturnPath || u.RawQuery != "") {
		f.add(at+"redirect_url", o.RedirectURL, fmt.Errorf("must be the address of the page followed by %s", OIDCReturnPath))
	}
	if o.PostLogoutRedirectURL != "" {
		f.webAddress(at+"post_logout_redirect_url", o.PostLogoutRedirectURL)
	}
	f.printable(at+"client_id", o.ClientID)
	f.printable(at+"title", o.Title)
	if n := utf8.RuneCountInString(o.Title); n > 60 {
		f.add(at+"title", o.Title, fmt.Errorf("has %d characters, at most 60 fit on a button", n))
	}
	for _, s := range o.Scopes {
		if s == "" || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }) {
			f.add(at+"scopes", s, errors.New("must be a list of names without blanks, such as [openid, profile, email]"))
		}
	}
	if o.GroupsClaim == "" {
		f.add(at+"groups_claim", "", errors.New("is empty: name the claim with a person's groups"))
	}
	if o.Session != 0 {
		f.duration(at+"session", o.Session, 5*time.Minute, 12*time.Hour)
	}
	if len(o.Groups) == 0 {
		f.add(at+"groups", "", errors.New("is empty, so nobody could log in: write which group sees which tenants, "+
			"such as [{group: accounting, tenants: [\"*\"], role: viewer}]"))
	}
	for i, g := range o.Groups {
		of := fmt.Sprintf("%sgroups[%d].", at, i)
		if g.Group == "" {
			f.add(of+"group", "", errors.New("is missing: a value of the claim in groups_claim"))
		}
		f.printable(of+"group", g.Group)
		checkAccess(c, f, of, g.Role, g.Tenants)
	}
}

// webAddress checks an address that browsers or the worker call. It must be https, or http on this
// machine. For any other address webAddress adds a fault and returns nil.
func (f *faults) webAddress(field, s string) *url.URL {
	if s == "" {
		f.add(field, "", errors.New("is missing: an absolute URL, such as https://login.example.com"))
		return nil
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.Fragment != "":
		f.add(field, "", errors.New("must be an absolute URL, such as https://login.example.com"))
	case u.User != nil:
		f.add(field, "", errors.New("must not contain a login")) // the value is not shown
	case u.Scheme == "http" && !IsLoopback(u.Hostname()):
		f.add(field, s, errors.New("must begin with https; http is allowed only on this machine"))
	default:
		return u
	}
	return nil
}

// OIDCClient holds what the login needs from the files that the settings in [OIDC] name.
type OIDCClient struct {
	Secret string
	Roots  *x509.CertPool // nil: the system's authorities
	// Seal returns a digest of text under the client's secret.
	Seal func(text string) string
}

// Client reads the client's secret and the authorities. Without a provider it returns the zero
// value. The error names the file, never its content.
func (o OIDC) Client() (OIDCClient, error) {
	var c OIDCClient
	if !o.Enabled() {
		return c, nil
	}
	var err error
	if c.Secret, err = readSecret("http.oidc.client_secret_file", o.ClientSecretFile); err != nil {
		return OIDCClient{}, err
	}
	c.Seal = sealUnder("oidc\x00" + o.Issuer + "\x00" + o.ClientID + "\x00" + c.Secret)
	if o.CAFile != "" {
		pem, err := os.ReadFile(o.CAFile)
		if err != nil {
			return OIDCClient{}, fmt.Errorf("read http.oidc.ca_file: %w", err)
		}
		c.Roots = x509.NewCertPool()
		if !c.Roots.AppendCertsFromPEM(pem) {
			return OIDCClient{}, fmt.Errorf("read http.oidc.ca_file %s: contains no certificate in PEM form", o.CAFile)
		}
	}
	return c, nil
}

// sealUnder returns a function that returns a digest of text. The digest changes with the secret.
func sealUnder(secret string) func(text string) string {
	return func(text string) string {
		m := hmac.New(sha256.New, []byte(secret))
		m.Write([]byte(text))
		return hex.EncodeToString(m.Sum(nil))
	}
}

// TitlesSeen returns the titles ([Tenant.Title]) of the tenants that a list gives by name or NIP.
// It returns nil, which means all tenants, when [AllTenants] is in the list.
func (c Config) TitlesSeen(list []string) []string {
	titles := []string{} // not nil, which would mean all
	for _, name := range list {
		if name == AllTenants {
			return nil
		}
		for _, t := range c.TenantsNamed(name) {
			titles = append(titles, t.Title())
		}
	}
	return titles
}
