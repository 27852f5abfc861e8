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
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
	"ksefworker/internal/tasks"
)

// sieve stands before the simulator and lets a test decide about each request: what it returns is
// answered in the simulator's place, as HTML; 0 lets the request pass.
type sieve struct {
	addr  string
	judge atomic.Pointer[func(r *http.Request) int]
}

func newSieve(t *testing.T, c *config.Config) *sieve {
	t.Helper()
	target, err := url.Parse(c.Gateway.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	// r.Host stays as it is: so parts come this way too.
	proxy.Director = func(r *http.Request) { r.URL.Scheme, r.URL.Host = target.Scheme, target.Host }
	s := &sieve{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if judge := s.judge.Load(); judge != nil {
			if status := (*judge)(r); status != 0 {
				if status == http.StatusForbidden { // as the store of parts says it
					w.WriteHeader(status)
					_, _ = fmt.Fprint(w, "<?xml version=\"1.0\"?><Error><Code>AuthenticationFailed</Code></Error>")
					return
				}
				w.Header().Set("Content-Type", "text/html")
				w.WriteHeader(status)
				_, _ = fmt.Fprintf(w, "<html>%d</html>", status)
				return
			}
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	s.addr = srv.URL
	c.Gateway.URL = srv.URL
	return s
}

func (s *sieve) set(judge func(r *http.Request) int) { s.judge.Store(&judge) }
func (s *sieve) mend()                               { s.judge.Store(nil) }

// tenantOf is whose key a request bears; "" for the upload of a part.
func tenantOf(r *http.Request) string {
	id, _, _ := r.BasicAuth()
	return strings.TrimPrefix(id, "test_")
}

func isUPO(r *http.Request) bool  { return strings.HasPrefix(r.URL.Path, "/invoice/session/upo/") }
func isPart(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/storage/") }

// numbered makes sound documents of a number series.
func numbered(nip, series string, n int) []tasks.Document {
	var docs []tasks.Document
	for i := range n {
		o := sample.Options{SellerNIP: nip, Number: fmt.Sprintf("%s/%d", series, i), IssueDate: invoice.Today(time.Now())}
		docs = append(docs, tasks.Document{File: "a.xml", Data: sample.Invoice(o)})
	}
	return docs
}

func (p *pool) all(taken []tasks.Admission, states ...ledger.State) func() bool {
	return func() bool {
		for _, a := range taken {
			ok := false
			for _, s := range states {
				ok = ok || p.state(a).State == s
			}
			if !ok {
				return false
			}
		}
		return true
	}
}

// unlimited and fast: what is seen is the circuits' doing alone.
var openSim = simulator.Options{Profile: simulator.Unlimited}

func open(c *config.Config) {
	c.Limits.Scale = 3600
	c.Express.Idle = 30 * time.Second
}

const accepted, receipted = ledger.Accepted, ledger.Receipted
