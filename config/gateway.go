package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"
)

// Addresses of the gateway, from the public documentation of its operator, September 2026.
const (
	testURL       = "https://ksefapi.pl/api-test"
	productionURL = "https://ksefapi.pl/api"
)

// Gateway is the connection to ksefapi.pl.
type Gateway struct {
	// URL of the gateway without a trailing slash. Required with environment custom when a tenant
	// uses the gateway; forbidden in other environments.
	URL string `yaml:"url" env:"URL"`
	// Timeout of one request, from dialling to the last byte of the answer; 1s to 10m. Uploads of
	// package parts have a longer timeout.
	Timeout time.Duration `yaml:"timeout" env:"TIMEOUT"`
	// UserAgent sent with every request; empty means the program's own name and version.
	UserAgent string `yaml:"user_agent" env:"USER_AGENT"`
}

func defaultGateway() Gateway { return Gateway{Timeout: 30 * time.Second} }

// BaseURL returns the address of the gateway for the environment, without a trailing slash. When
// tenants use KSeF itself and none uses the gateway, it returns the address of KSeF itself.
func (c Config) BaseURL() string {
	if c.uses(DirectTransport) && !c.uses(GatewayTransport) {
		return c.DirectURL()
	}
	return c.GatewayURL()
}

// GatewayURL returns the address of the gateway for the environment, without a trailing slash; ""
// when the environment has no gateway.
func (c Config) GatewayURL() string {
	switch c.Environment {
	case Test:
		return testURL
	case Production:
		return productionURL
	case Demo:
		return ""
	}
	return strings.TrimRight(c.Gateway.URL, "/")
}

func checkGateway(c *Config, f *faults) {
	switch c.Environment {
	case Test, Production, Demo:
		for _, a := range []struct{ field, url string }{{"gateway.url", c.Gateway.URL}, {"direct.url", c.Direct.URL}} {
			if a.url != "" {
				f.add(a.field, redactURL(a.url),
					fmt.Errorf("is only for environment custom; environment %s has a fixed address", c.Environment))
			}
		}
	case Custom:
		checkAddress(c, f, "gateway.url", c.Gateway.URL, c.uses(GatewayTransport) || len(c.Tenants) == 0,
			"the gateway's address", "API keys")
		checkAddress(c, f, "direct.url", c.Direct.URL, c.uses(DirectTransport), "the address of KSeF's API, which ends in /v2", "tokens")
	case "":
		f.add("environment", "", errors.New("is missing: write test, demo, production or custom"))
	default:
		f.add("environment", c.Environment, errors.New("is unknown: write test, demo, production or custom"))
	}
	f.duration("gateway.timeout", c.Gateway.Timeout, time.Second, 10*time.Minute)
	f.printable("gateway.user_agent", c.Gateway.UserAgent)
}

// checkAddress checks an address of environment custom. needed is true when the address must be
// given.
func checkAddress(c *Config, f *faults, field, address string, needed bool, what, secrets string) {
	if address == "" {
		if needed {
			f.add(field, "", fmt.Errorf("is missing: environment custom needs %s", what))
		}
		return
	}
	shown := redactURL(address)
	u, err := url.Parse(address)
	switch {
	case err != nil:
		// url.Error repeats the address, which may contain a password.
		f.add(field, shown, errors.New("is not a URL"))
	case u.Scheme != "http" && u.Scheme != "https":
		f.add(field, shown, errors.New("must begin with https:// or http://"))
	case u.Hostname() == "":
		f.add(field, shown, errors.New("names no host"))
	case u.User != nil:
		f.add(field, shown, errors.New("must not contain a login; credentials are in the files that tenants[] names"))
	case u.RawQuery != "" || u.Fragment != "":
		f.add(field, shown, errors.New("must not contain ? or #"))
	case u.Scheme == "http" && !IsLoopback(u.Hostname()):
		c.Warnings = append(c.Warnings,
			fmt.Sprintf("%s %s is not encrypted: the %s cross the network in the clear", field, shown, secrets))
	}
}

// IsLoopback reports whether host, given without port and brackets, is this machine. A name other
// than localhost counts as another machine, because its address can change after start-up.
func IsLoopback(host string) bool {
	if strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// redactURL returns scheme, host and path, never a login or query. A URL that cannot be parsed is
// not shown at all.
func redactURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "(not shown)"
	}
	if u.User != nil {
		u.User = url.User("xxxxx")
	}
	u.RawQuery, u.Fragment = "", ""
	return u.String()
}
