package config

import "strings"

// Addresses of the Ministry's own API (docs/srodowiska.md of the KSeF documentation, March 2026).
const (
	directTestURL       = "https://api-test.ksef.mf.gov.pl/v2"
	directDemoURL       = "https://api-demo.ksef.mf.gov.pl/v2"
	directProductionURL = "https://api.ksef.mf.gov.pl/v2"
)

// Direct is the connection to KSeF itself. The timeout and the user agent of requests are set under
// gateway.
type Direct struct {
	// URL of KSeF's API, with its version and without a trailing slash. Required with environment
	// custom when a tenant has transport direct; forbidden in other environments.
	URL string `yaml:"url" env:"URL"`
}

// DirectURL returns the address of KSeF itself for the environment, without a trailing slash.
func (c Config) DirectURL() string {
	switch c.Environment {
	case Test:
		return directTestURL
	case Demo:
		return directDemoURL
	case Production:
		return directProductionURL
	}
	return strings.TrimRight(c.Direct.URL, "/")
}

// AddressOf returns the address to which a tenant's requests go.
func (c Config) AddressOf(t Tenant) string {
	if t.Way() == DirectTransport {
		return c.DirectURL()
	}
	return c.GatewayURL()
}

// uses reports whether any tenant has this transport.
func (c Config) uses(way Transport) bool {
	for _, t := range c.Tenants {
		if t.Way() == way {
			return true
		}
	}
	return false
}
