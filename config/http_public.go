package config

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// Public returns scheme and host of the page as browsers know it, such as https://ksef.example.com.
// It returns "" when the configuration does not say. Then browsers use http.addr itself.
func (h HTTP) Public() string {
	for _, s := range []string{h.PublicURL, h.OIDC.RedirectURL} {
		if u, err := url.Parse(s); err == nil && u.Host != "" {
			return u.Scheme + "://" + u.Host
		}
	}
	return ""
}

// Proxies returns the networks of [HTTP.TrustedProxies].
func (h HTTP) Proxies() []netip.Prefix {
	var all []netip.Prefix
	for _, s := range h.TrustedProxies {
		if p, err := network(s); err == nil {
			all = append(all, p)
		}
	}
	return all
}

// network reads an address, or a network such as 10.0.0.0/8.
func network(s string) (netip.Prefix, error) {
	if !strings.Contains(s, "/") {
		a, err := netip.ParseAddr(s)
		if err != nil {
			return netip.Prefix{}, err
		}
		a = a.Unmap().WithZone("")
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	return p.Masked(), err
}

func (h HTTP) checkPublic(f *faults) {
	const at = "http.public_url"
	if h.PublicURL != "" {
		u := f.webAddress(at, h.PublicURL)
		switch {
		case u == nil:
		case strings.Trim(u.Path, "/") != "" || u.RawQuery != "":
			f.add(at, h.PublicURL, errors.New("must be scheme and host alone, such as https://ksef.example.com: the page is at / there"))
		case h.OIDC.Enabled() && h.OIDC.RedirectURL != "" && !sameOrigin(u, h.OIDC.RedirectURL):
			f.add(at, h.PublicURL, fmt.Errorf("differs from the address of http.oidc.redirect_url (%s): "+
				"browsers must know the page by one address", h.OIDC.RedirectURL))
		}
		if h.Addr != "" && !h.Dashboard.HasLogin() && len(h.Users) == 0 && !h.OIDC.Enabled() {
			f.add(at, h.PublicURL, errors.New("lets others reach the page, and nobody has to log in: set http.users, http.oidc, "+
				"or http.dashboard.username and password_file"))
		}
	}
	for i, s := range h.TrustedProxies {
		p, err := network(s)
		switch field := fmt.Sprintf("http.trusted_proxies[%d]", i); {
		case err != nil:
			f.add(field, s, errors.New("must be an address or a network, such as 10.0.0.7 or 10.0.0.0/8"))
		case p.Bits() == 0:
			f.add(field, s, errors.New("is every address: anybody could then write any address into a header and guess passwords under it"))
		}
	}
}

func sameOrigin(u *url.URL, other string) bool {
	o, err := url.Parse(other)
	return err == nil && o.Scheme == u.Scheme && strings.EqualFold(o.Host, u.Host)
}
