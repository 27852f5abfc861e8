package app

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

func trustedProxies(t *testing.T) []netip.Prefix {
	t.Helper()
	return []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/16")}
}

func TestProxies_VisitorBehindThem_IsTheLastAddressOfNoTrustedProxy(t *testing.T) {
	for name, c := range map[string]struct {
		peer    string
		headers []string
		want    string
	}{
		"no proxy":                          {"203.0.113.5:1000", nil, "203.0.113.5"},
		"one proxy":                         {"10.0.0.1:1000", []string{"203.0.113.5"}, "203.0.113.5"},
		"two trusted proxies":               {"10.0.0.1:1000", []string{"203.0.113.5, 10.0.0.2"}, "203.0.113.5"},
		"two headers":                       {"10.0.0.1:1000", []string{"203.0.113.5", "10.0.0.2"}, "203.0.113.5"},
		"an address with a port":            {"10.0.0.1:1000", []string{"203.0.113.5:4711"}, "203.0.113.5"},
		"IPv6":                              {"[fd00::1]:1000", []string{"2001:db8::7"}, "2001:db8::7"},
		"IPv6 with a port":                  {"[fd00::1]:1000", []string{"[2001:db8::7]:80"}, "2001:db8::7"},
		"IPv4 written as IPv6":              {"[::ffff:10.0.0.1]:1000", []string{"203.0.113.5"}, "203.0.113.5"},
		"made-up addresses from a proxy":    {"10.0.0.1:1000", []string{"198.51.100.1, 10.9.9.9, 203.0.113.5"}, "203.0.113.5"},
		"a made-up address without a proxy": {"203.0.113.5:1000", []string{"198.51.100.1"}, "203.0.113.5"},
		"an entry that is not an address":   {"10.0.0.1:1000", []string{"198.51.100.1, <script>"}, "10.0.0.1"},
		"an empty header":                   {"10.0.0.1:1000", []string{""}, "10.0.0.1"},
		"trusted proxies alone":             {"10.0.0.1:1000", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
	} {
		p := &proxies{trusted: trustedProxies(t), secure: true}
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
		r.RemoteAddr = c.peer
		r.Header["X-Forwarded-For"] = c.headers
		got := ""
		p.withVisitor(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = remoteHost(r) })).
			ServeHTTP(httptest.NewRecorder(), r)
		if got != c.want {
			t.Errorf("%s: the visitor is %s, want %s", name, got, c.want)
		}
	}
}

func TestProxies_NotInTheConfiguration_AreLoggedOnce(t *testing.T) {
	var log bytes.Buffer
	p := &proxies{log: zerolog.New(&log)}
	h := p.withVisitor(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for range 3 {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
		r.Header.Set("X-Forwarded-For", "203.0.113.5")
		r.Header.Set("X-Forwarded-Proto", "https")
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
	for _, setting := range []string{"http.trusted_proxies", "http.public_url"} {
		if n := strings.Count(log.String(), setting); n != 1 {
			t.Errorf("the log names %s %d times, want once: %s", setting, n, log.String())
		}
	}
}

// A visitor who guesses passwords through a proxy that all visitors share slows down nobody else.
func TestProxies_WrongLoginsThroughOne_SlowDownTheVisitorAlone(t *testing.T) {
	guard := requireLogin(func(string, string) bool { return false }, newThrottle(zerolog.Nop()), http.NotFoundHandler())
	h := (&proxies{trusted: trustedProxies(t)}).withVisitor(guard)
	try := func(from string) int {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
		r.RemoteAddr = "10.0.0.1:1000"
		r.Header.Set("X-Forwarded-For", from)
		r.SetBasicAuth("admin", "guess")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	for range loginsFree {
		try("203.0.113.5")
	}
	if slow, other := try("203.0.113.5"), try("203.0.113.6"); slow != http.StatusTooManyRequests || other != http.StatusUnauthorized {
		t.Errorf("the visitor who guesses gets %d, another visitor %d, want 429 and 401", slow, other)
	}
}

func TestHTTP_LoopbackBehindAProxy_AnswersToThePublicName(t *testing.T) {
	h := testHTTP(t, httpOptions{Public: "https://ksef.example.com:8443"})
	for host, want := range map[string]int{
		"ksef.example.com:8443": 200, "KSEF.example.com:8443": 200, "ksef.example.com": 200, "localhost": 200,
		"evil.example": 421, "ksef.example.com.evil.example": 421, "": 421,
	} {
		if got := askAs(h, host); got != want {
			t.Errorf("Host %q: status %d, want %d", host, got, want)
		}
	}
}
