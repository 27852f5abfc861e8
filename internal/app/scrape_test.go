package app_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
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

// site is a worker that has five hundred tenants and does not run, so that only its pages ask
// Redis. The test says how many tenants have an invoice that waits; 440 have booked requests.
type site struct {
	t     testing.TB
	base  *connect.Pool
	pages pagesOf
	sent  *sentCommands
}

// sentCommands counts the commands that a client sends.
type sentCommands struct{ n atomic.Int64 }

func (s *sentCommands) DialHook(next redis.DialHook) redis.DialHook { return next }

func (s *sentCommands) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error { s.n.Add(1); return next(ctx, cmd) }
}

func (s *sentCommands) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error { s.n.Add(int64(len(cmds))); return next(ctx, cmds) }
}

type pagesOf struct{ w *app.Worker }

func (p pagesOf) get(path string) string {
	rec := httptest.NewRecorder()
	app.Pages(p.w).ServeHTTP(rec, httptest.NewRequest("GET", "http://127.0.0.1"+path, nil))
	return rec.Body.String()
}

func newSite(t testing.TB, waiting int, now func() time.Time) *site {
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
	for i := range waiting {
		number := fmt.Sprint("FV/", i)
		id := ledger.InvoiceID(ledger.Identity{NIP: sample.NIP(i), Kind: "VAT", Number: number}, [32]byte{})
		docs = append(docs, ledger.NewInvoice{Body: []byte("x"), Invoice: ledger.Invoice{
			Facts:    ledger.Facts{ID: id, Tenant: sample.NIP(i), NIP: sample.NIP(i), Kind: "VAT", Form: "v3"},
			Deadline: ledger.At(time.Now().AddDate(0, 1, 0)), Number: number}})
		moves = append(moves, ledger.Move{ID: id, From: []ledger.State{ledger.Queued}, To: ledger.Queued,
			Group: ledger.Group{Tenant: sample.NIP(i), Form: "v3"}.Name()})
	}
	_, err = base.Ledger.Take(t.Context(), docs)
	must(err)
	_, err = base.Ledger.Apply(t.Context(), moves)
	must(err)
	sent := &sentCommands{}
	base.Redis.AddHook(sent)
	return &site{t: t, base: base, pages: pagesOf{w}, sent: sent}
}

// cost is what a page costs Redis.
type cost struct {
	commands int // including those in scripts
	sent     int // commands, without those in scripts
	busy     time.Duration
}

// asked returns what a page costs, and the page.
func (s *site) asked(path string) (c cost, body string) {
	s.t.Helper()
	if err := s.base.Redis.ConfigResetStat(s.t.Context()).Err(); err != nil {
		s.t.Fatal(err)
	}
	sent := s.sent.n.Load()
	body = s.pages.get(path)
	c.sent = int(s.sent.n.Load() - sent)
	stats, err := s.base.Redis.Info(s.t.Context(), "commandstats").Result()
	if err != nil {
		s.t.Fatal(err)
	}
	for line := range strings.Lines(stats) {
		name, rest, _ := strings.Cut(line, ":calls=")
		calls, rest, found := strings.Cut(rest, ",usec=")
		n, err := strconv.Atoi(calls)
		if !found || err != nil || strings.HasPrefix(name, "cmdstat_config") || name == "cmdstat_hello" || name == "cmdstat_client" {
			continue
		}
		c.commands += n
		if us, _, _ := strings.Cut(rest, ","); strings.HasPrefix(name, "cmdstat_eval") {
			n, _ := strconv.Atoi(us)
			c.busy += time.Duration(n) * time.Microsecond
		}
	}
	return c, body
}

func seriesOf(metrics string) (n int) {
	for line := range strings.Lines(metrics) {
		if line != "" && line[0] != '#' {
			n++
		}
	}
	return n
}

// A page costs a few commands for all tenants together, and has a bounded number of series. That
// holds whether the figures of an earlier page are still fresh or not. With a command for each
// tenant and group, the whole pool would feel a scrape of five hundred tenants.
func TestPages_ManyTenants_CostABoundedNumberOfCommandsAndSeries(t *testing.T) {
	now := time.Now()
	s := newSite(t, 40, func() time.Time { return now })
	s.asked("/readyz") // the overview of what waits is kept for ten seconds
	now = now.Add(overviewKept)
	ready, body := s.asked("/readyz")
	if n := strings.Count(body, `"tenant `); ready.sent > 50 || ready.commands > 100 || n != manyTenants {
		t.Errorf("/readyz costs %+v and shows %d tenants, want at most 50 sent, 100 commands, and all tenants: %s",
			ready, n, body[:min(len(body), 500)])
	}
	now = now.Add(time.Minute)
	if ready, _ := s.asked("/readyz"); ready.sent > 150 {
		t.Errorf("/readyz with an old overview costs %+v, want at most 150 sent", ready)
	}
	now = now.Add(time.Hour)
	for _, what := range []string{"first", "next"} { // the first also reads the tenants' figures, which are kept for two minutes
		scrape, metrics := s.asked("/metrics")
		if n := seriesOf(metrics); scrape.commands > 500 || n > 5000 {
			t.Errorf("the %s /metrics costs %+v and has %d series, want at most 500 commands and 5000 series", what, scrape, n)
		}
		if n := strings.Count(metrics, `ksef_limit_used{group="invoiceSend"`); n != 3*s.base.Config.HTTP.TenantSeries {
			t.Errorf("%d windows of invoiceSend are shown, want %d: three for each shown tenant", n, 3*s.base.Config.HTTP.TenantSeries)
		}
		if !strings.Contains(metrics, "\nksef_limit_tenants_left_out 485\n") {
			t.Error("/metrics does not say that 485 tenants are left out")
		}
		now = now.Add(time.Minute)
	}
}

// Every tenant has something that waits. Scripts read the facts about a hundred tenants at a time,
// so the pages still cost few commands.
func TestPages_EveryTenantWaits_TheyCostABoundedNumberOfCommands(t *testing.T) {
	now := time.Now()
	s := newSite(t, manyTenants, func() time.Time { return now })
	for _, path := range []string{"/readyz", "/metrics"} {
		now = now.Add(time.Hour)
		c, body := s.asked(path)
		shown := strings.Count(body, "\nksef_waiting_invoices{")
		if c.sent > 500 || path == "/metrics" && shown != manyTenants {
			t.Errorf("%s costs %+v and has waiting invoices of %d tenants, want at most 500 sent, and in /metrics all %d tenants",
				path, c, shown, manyTenants)
		}
		if n := seriesOf(body); n > 5000 {
			t.Errorf("%s has %d series, want 5000 at most", path, n)
		}
	}
}

// overviewKept is an age at which the overview of waiting invoices is still used, while the use of
// the limits is read again.
const overviewKept = 5 * time.Second

// Each page is asked for again and again, at one of three intervals. After the longest interval
// (first), every figure is read again. After the middle one (later), most often the figures of
// single tenants are reused, and all others are read again. After the shortest (again), most often
// only the use of the limits is read again. Either 40 tenants or all of them have something that
// waits.
func BenchmarkScrape500Tenants(b *testing.B) {
	for _, waiting := range []int{40, manyTenants} {
		now := time.Now()
		s := newSite(b, waiting, func() time.Time { return now })
		for _, path := range []string{"/readyz", "/metrics"} {
			for _, age := range []struct {
				name string
				step time.Duration
			}{{"first", time.Hour}, {"later", overviewAge}, {"again", overviewKept / 2}} {
				b.Run(fmt.Sprintf("waiting=%d/%s-%s", waiting, strings.TrimPrefix(path, "/"), age.name), func(b *testing.B) {
					var most, least cost
					body := ""
					var spent time.Duration
					s.pages.get(path)
					for b.Loop() {
						now = now.Add(age.step)
						began := time.Now()
						c := cost{}
						c, body = s.asked(path)
						spent += time.Since(began)
						most.commands, most.sent, most.busy = max(most.commands, c.commands), max(most.sent, c.sent), max(most.busy, c.busy)
						if least.sent == 0 || c.sent < least.sent {
							least = c
						}
					}
					b.ReportMetric(float64(most.commands), "commands")
					b.ReportMetric(float64(most.sent), "sent")
					b.ReportMetric(float64(least.commands), "commands-at-least")
					b.ReportMetric(float64(least.sent), "sent-at-least")
					b.ReportMetric(float64(most.busy.Microseconds())/1000, "scripts-ms")
					b.ReportMetric(float64(spent.Microseconds())/1000/float64(b.N), "ms")
					if path == "/metrics" {
						b.ReportMetric(float64(seriesOf(body)), "series")
					}
				})
			}
		}
	}
}

// overviewAge is the age after which the overview is read again.
const overviewAge = 11 * time.Second
