package app_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/simulator"
)

// interceptor is a proxy before the simulator. A test sets a function that decides about each
// request. When the function returns 0, the request passes. Any other number is the status that the
// interceptor answers in the simulator's place. When the status is 403, the body is XML, as a store
// of parts sends it. With any other status the body is HTML.
type interceptor struct {
	addr   string
	decide atomic.Pointer[func(r *http.Request) int]
}

func newInterceptor(t *testing.T, c *config.Config) *interceptor {
	t.Helper()
	target, err := url.Parse(c.Gateway.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host
		r.Out.Host = r.In.Host // so that parts are uploaded through the interceptor too
	}}
	s := &interceptor{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status := 0
		if decide := s.decide.Load(); decide != nil {
			status = (*decide)(r)
		}
		switch status {
		case 0:
			proxy.ServeHTTP(w, r)
		case http.StatusForbidden: // as a store of parts refuses a part
			w.WriteHeader(status)
			_, _ = fmt.Fprint(w, "<?xml version=\"1.0\"?><Error><Code>AuthenticationFailed</Code></Error>")
		default:
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(status)
			_, _ = fmt.Fprintf(w, "<html>%d</html>", status)
		}
	}))
	t.Cleanup(srv.Close)
	s.addr = srv.URL
	c.Gateway.URL = srv.URL
	return s
}

func (s *interceptor) set(decide func(r *http.Request) int) { s.decide.Store(&decide) }

// clear lets every request pass.
func (s *interceptor) clear() { s.decide.Store(nil) }

// host returns the interceptor's host:port, which is part of the names of its circuits in Redis.
func (s *interceptor) host() string { return strings.TrimPrefix(s.addr, "http://") }

// newInterceptedPool is newPool with an interceptor before the simulator.
func newInterceptedPool(t *testing.T, tenants int, o simulator.Options, tune func(*config.Config)) (*pool, *interceptor) {
	t.Helper()
	var s *interceptor
	p := newPool(t, tenants, o, func(c *config.Config) {
		tune(c)
		s = newInterceptor(t, c)
	})
	return p, s
}

// tenantOf returns the tenant whose key a request has; "" for the upload of a part.
func tenantOf(r *http.Request) string {
	id, _, _ := r.BasicAuth()
	return strings.TrimPrefix(id, "test_")
}

func isUPO(r *http.Request) bool  { return strings.HasPrefix(r.URL.Path, "/invoice/session/upo/") }
func isPart(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/storage/") }

// openSim has no limits and no delay, so only circuits hold requests back.
var openSim = simulator.Options{Profile: simulator.Unlimited}

// open makes the pool's own limits so wide that only circuits hold requests back.
func open(c *config.Config) {
	c.Limits.Scale = 3600
	c.Express.Idle = 30 * time.Second
}

// openPackages does what the function open does, and makes packages of at most five invoices. An
// invoice goes by the express lane only if it was handed in for this lane.
func openPackages(c *config.Config) {
	open(c)
	c.Packages.MaxInvoices, c.Packages.ExpressBelow = 5, 0
}
