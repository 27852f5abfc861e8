package app_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
)

// quotingAnswers are refusals and failures in KSeF's forms that quote the buyer and an amount.
var quotingAnswers = []struct {
	status     int
	kind, body string
}{
	{400, "application/json", `{"exception":{"exceptionDetailList":[{"exceptionCode":21405,"exceptionDescription":"Nabywca %[1]s",` +
		`"details":["%[1]s"]}]}}`},
	{500, "application/json", `{"exception":{"exceptionDetailList":[{"exceptionCode":500,"exceptionDescription":"%[1]s","details":["%[1]s"]}]}}`},
	{403, "application/problem+json", `{"title":"Forbidden","status":403,"detail":"%[1]s","reasonCode":"missing-permissions"}`},
}

// KSeF refuses to open a session, in the express lane and for packages, and each refusal quotes an
// invoice. KSeF's words are in the log. They are also sealed in the entry of the invoice in the
// ledger, so that a person can read them. Redis and the traces hold no quoted word in clear text.
func TestPersonalData_KSeFQuotesTheInvoiceInItsErrors_RedisHoldsNoneInClearText(t *testing.T) {
	t.Parallel()
	var asked [3]atomic.Int64
	for i, a := range quotingAnswers {
		t.Run(fmt.Sprint(a.status), func(t *testing.T) {
			p := newPool(t, 1, openSim, func(c *config.Config) {
				open(c)
				hasty(c)
				c.Packages.MaxWait, c.Packages.ExpressBelow = time.Second, 0
				key := filepath.Join(t.TempDir(), "storage")
				writeFile(t, key, strings.Repeat("\a", 32))
				c.Storage.KeyFile = config.Files{key}
				target, err := url.Parse(c.Gateway.URL)
				if err != nil {
					t.Fatal(err)
				}
				proxy := httputil.NewSingleHostReverseProxy(target)
				srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.Method != http.MethodPost {
						proxy.ServeHTTP(w, r)
						return
					}
					asked[i].Add(1)
					w.Header().Set("Content-Type", a.kind)
					w.WriteHeader(a.status)
					_, _ = fmt.Fprintf(w, a.body, planted[0]+" "+planted[1])
				}))
				t.Cleanup(srv.Close)
				c.Gateway.URL = srv.URL
			})
			collector := traced(p)
			docs := good(sample.NIP(0), 4)
			taken := p.admit(intake.Terms{Lane: ledger.Express}, docs[:2]...)
			taken = append(taken, p.admit(intake.Terms{Lane: ledger.Bulk}, docs[2:]...)...)
			stop := p.work()
			until(t, 30*time.Second, "KSeF's words are in the log", func() bool { return strings.Contains(p.log.String(), planted[0]) })
			waits, err := p.base.Waiting()
			if err != nil {
				t.Fatal(err)
			}
			until(t, 30*time.Second, "a person reads KSeF's words", func() bool {
				why, err := waits.Explain(t.Context(), p.invoices(taken))
				if err != nil {
					t.Fatal(err)
				}
				for _, w := range why {
					if strings.Contains(w.What, planted[0]) {
						return true
					}
				}
				return false
			})
			p.unreadable(fmt.Sprintf("after %d answers with status %d", asked[i].Load(), a.status))
			stop()
			if text := flushed(p, collector); strings.Contains(text, planted[0]) || !strings.Contains(text, fmt.Sprint(a.status)) {
				t.Errorf("the traces are %s, want the status %d in them and no quoted invoice", text, a.status)
			}
		})
	}
}
