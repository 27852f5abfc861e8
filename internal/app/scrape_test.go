package app_test

import (
	"fmt"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/internal/app"
	"ksefworker/internal/connect"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/ratelimit"
	"ksefworker/internal/redisd"
	"ksefworker/internal/sample"
	"ksefworker/internal/testbed"
)

const manyTenants = 500

// site is a worker of five hundred tenants that does not run, so that only its pages ask Redis. 40
// of the tenants have invoices that wait and requests that are booked; 400 have booked requests
// only.
type site struct {
	t     testing.TB
	base  *connect.Pool
	pages pagesOf
}

type pagesOf struct{ w *app.Worker }

func (p pagesOf) get(path string) string {
	rec := httptest.NewRecorder()
	app.Pages(p.w).ServeHTTP(rec, httptest.NewRequest("GET", "http://127.0.0.1"+path, nil))
	return rec.Body.String()
}

func newSite(t testing.TB, now func() time.Time) *site {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	bed, err := testbed.Start(t.Context(), testbed.Options{
		Dir: t.TempDir(), GatewayURL: "http://127.0.0.1:1", Redis: redisd.Options{AppendOnly: true},
	})
	must(err)
	t.Cleanup(func() { _ = bed.Close() })
	base, err := connect.Open(t.Context(), bed.Config(manyTenants))
	must(err)
	app.SetClock(base, now)
	w, err := app.NewWorker(t.Context(), base, zerolog.Nop())
	must(err)
	t.Cleanup(func() { _ = w.Stop(t.Context()) })
	limiter, err := base.Limiter(ratelimit.NewRedis(base.Redis, base.Config.Redis.Prefix), nil)
	must(err)
	for i := range 440 {
		for _, group := range []ksef.Group{ksef.GroupInvoiceSend, ksef.GroupBatchSession} {
			must(limiter.Wait(t.Context(), sample.NIP(i), string(group)))
		}
	}
	var docs []ledger.NewInvoice
	var moves []ledger.Move
	for i := range 40 {
		number := fmt.Sprint("FV/", i)
		id := ledger.InvoiceID(ledger.Identity{NIP: sample.NIP(i), Kind: "VAT", Number: number}, [32]byte{})
		docs = append(docs, ledger.NewInvoice{Body: []byte("x"), Invoice: ledger.Invoice{
			Facts: ledger.Facts{ID: id, Tenant: sample.NIP(i), NIP: sample.NIP(i), Kind: "VAT", Form: "v3"}, Number: number}})
		moves = append(moves, ledger.Move{ID: id, From: []ledger.State{ledger.Queued}, To: ledger.Queued,
			Group: ledger.Group{Tenant: sample.NIP(i), Form: "v3"}.Name()})
	}
	_, err = base.Ledger.Take(t.Context(), docs)
	must(err)
	_, err = base.Ledger.Apply(t.Context(), moves)
	must(err)
	return &site{t: t, base: base, pages: pagesOf{w}}
}

// asked returns how many commands a page costs, those in scripts included, and the page.
func (s *site) asked(path string) (commands int, body string) {
	s.t.Helper()
	if err := s.base.Redis.ConfigResetStat(s.t.Context()).Err(); err != nil {
		s.t.Fatal(err)
	}
	body = s.pages.get(path)
	stats, err := s.base.Redis.Info(s.t.Context(), "commandstats").Result()
	if err != nil {
		s.t.Fatal(err)
	}
	for line := range strings.Lines(stats) {
		name, rest, _ := strings.Cut(line, ":calls=")
		calls, _, found := strings.Cut(rest, ",")
		if n, err := strconv.Atoi(calls); found && err == nil && !strings.HasPrefix(name, "cmdstat_config") {
			commands += n
		}
	}
	return commands, body
}

func seriesOf(metrics string) (n int) {
	for line := range strings.Lines(metrics) {
		if line != "" && line[0] != '#' {
			n++
		}
	}
	return n
}

// A page costs a few commands for all tenants, and a bounded number of series: with a command for
// each tenant and group, a scrape of five hundred tenants would be felt by the whole pool.
func TestPages_ManyTenants_CostABoundedNumberOfCommandsAndSeries(t *testing.T) {
	now := time.Now()
	s := newSite(t, func() time.Time { return now })
	s.asked("/readyz") // the overview of what waits is kept for ten seconds
	now = now.Add(overviewKept)
	ready, body := s.asked("/readyz")
	if n := strings.Count(body, `"tenant `); ready > 100 || n != manyTenants {
		t.Errorf("/readyz costs %d commands and shows %d tenants: %s", ready, n, body[:min(len(body), 500)])
	}
	now = now.Add(time.Minute)
	if n, _ := s.asked("/metrics"); n > 1500 { // the figures of single tenants among them, which are kept for two minutes
		t.Errorf("the first /metrics costs %d commands", n)
	}
	now = now.Add(time.Minute)
	scrape, metrics := s.asked("/metrics")
	if n := seriesOf(metrics); scrape > 1000 || n > 5000 {
		t.Errorf("/metrics costs %d commands and has %d series", scrape, n)
	}
	if n := strings.Count(metrics, `ksef_limit_used{group="invoiceSend"`); n != 3*s.base.Config.HTTP.TenantSeries {
		t.Errorf("%d windows are shown", n)
	}
	if !strings.Contains(metrics, "\nksef_limit_tenants_left_out 480\n") {
		t.Error("nothing says that tenants are left out")
	}
}

// overviewKept is less than the age that the overview may have, and more than that of the limits.
const overviewKept = 5 * time.Second

func BenchmarkScrape500Tenants(b *testing.B) {
	now := time.Now()
	s := newSite(b, func() time.Time { return now })
	for _, path := range []string{"/readyz", "/metrics"} {
		for name, step := range map[string]time.Duration{"first": time.Minute, "again": overviewKept / 2} {
			b.Run(strings.TrimPrefix(path, "/")+"-"+name, func(b *testing.B) {
				commands, body := 0, ""
				var spent time.Duration
				s.pages.get(path)
				for b.Loop() {
					now = now.Add(step)
					began := time.Now()
					commands, body = s.asked(path)
					spent += time.Since(began)
				}
				b.ReportMetric(float64(commands), "commands")
				b.ReportMetric(float64(spent.Microseconds())/1000/float64(b.N), "ms")
				if path == "/metrics" {
					b.ReportMetric(float64(seriesOf(body)), "series")
				}
			})
		}
	}
}
