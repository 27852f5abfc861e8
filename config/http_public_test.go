package config

import (
	"net/netip"
	"strings"
	"testing"
)

// publicFile writes a configuration of a page behind a proxy, and returns the file's path. replace
// lists texts of the block http, each followed by the text that replaces it.
func publicFile(t *testing.T, replace ...string) string {
	t.Helper()
	return writeFile(t, "c.yaml", minimal+strings.NewReplacer(replace...).Replace(`http:
  addr: 127.0.0.1:8080
  public_url: https://ksef.example.com
  trusted_proxies: [127.0.0.1, 10.0.0.7/8]
  dashboard: {username: admin, password_file: /run/secrets/dashboard}
`))
}

func TestPublicURL_PageBehindAProxy_IsKnownByItsAddress(t *testing.T) {
	c, err := Load(publicFile(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.HTTP.Public(); got != "https://ksef.example.com" {
		t.Errorf("the page is known as %q, want its public_url", got)
	}
	proxies := c.HTTP.Proxies()
	at := netip.MustParseAddr
	if len(proxies) != 2 || !proxies[0].Contains(at("127.0.0.1")) || proxies[0].Contains(at("127.0.0.2")) ||
		!proxies[1].Contains(at("10.200.0.1")) {
		t.Errorf("the trusted proxies are %v, want 127.0.0.1 and 10.0.0.0/8", proxies)
	}
	c, err = Load(publicFile(t, "\n  public_url: https://ksef.example.com", ""), []string{
		"KSEF_HTTP_PUBLIC_URL=https://ksef.example.com:8443/", "KSEF_HTTP_TRUSTED_PROXIES=10.1.0.0/16,fd00::/8"})
	if err != nil || c.HTTP.Public() != "https://ksef.example.com:8443" || len(c.HTTP.Proxies()) != 2 {
		t.Errorf("from the environment the address is %q and the proxies are %v (error %v), want those of the variables",
			c.HTTP.Public(), c.HTTP.Proxies(), err)
	}
	if c, err = Load(oidcFile(t), nil); err != nil || c.HTTP.Public() != "https://ksef.example.com" {
		t.Errorf("with a provider the address is %q (error %v), want that of redirect_url", c.HTTP.Public(), err)
	}
	if got := defaultHTTP().Public(); got != "" {
		t.Errorf("by default the public address is %q, want none", got)
	}
}

func TestPublicURL_WrongSettings_AreNamedWithWhatToDo(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{"https://ksef.example.com", "http://ksef.example.com", "http.public_url: http://ksef.example.com must begin with https"},
		{"https://ksef.example.com", "ksef.example.com", "http.public_url: must be an absolute URL"},
		{"https://ksef.example.com", "https://me:geheim@ksef.example.com", "http.public_url: must not contain a login"},
		{"https://ksef.example.com", "https://ksef.example.com/ksef", "must be scheme and host alone"},
		{"https://ksef.example.com", "https://ksef.example.com/?a=b", "must be scheme and host alone"},
		{"dashboard: {username: admin, password_file: /run/secrets/dashboard}", "tenant_series: 5", "nobody has to log in: set http.users"},
		{"10.0.0.7/8", "proxy.internal", "http.trusted_proxies[1]: proxy.internal must be an address or a network"},
		{"10.0.0.7/8", "10.0.0.0/33", "http.trusted_proxies[1]: 10.0.0.0/33 must be an address or a network"},
		{"10.0.0.7/8", "0.0.0.0/0", "http.trusted_proxies[1]: 0.0.0.0/0 is every address"},
	} {
		_, err := Load(publicFile(t, c.from, c.to), nil)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: the error is %v, want it to say %q", c.to, err, c.want)
		}
	}
	other := oidcFile(t, "  oidc:", "  public_url: https://other.example.com\n  oidc:")
	if _, err := Load(other, nil); err == nil || !strings.Contains(err.Error(), "differs from the address of http.oidc.redirect_url") {
		t.Errorf("two different public addresses are given: the error is %v, want it to say so", err)
	}
}
