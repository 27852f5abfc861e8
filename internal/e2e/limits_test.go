package e2e_test

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
)

// Four worker processes against the strict simulator use the whole allowance and never exceed it.
// `make bench-limits` runs these tests and prints the figures. Five scaled hours are five minutes,
// so `make test` leaves these tests out.
//
// At scale 60 an hour is a minute, a minute a second, and a second 17 ms. The margin is not scaled,
// because it covers delays of this machine and its network. Therefore it costs the short windows
// much more than in production (a second of 17 ms with a margin of 500 ms becomes half a second).
// But the tests measure the hour, because the hour is the window that binds. There the margin is
// only 500 ms of 60 s.
const (
	scale      = 60
	scaledHour = time.Hour / scale
)

// scaledLimits gives the programs the scale of the simulator, and this margin.
func scaledLimits(margin time.Duration) func(*config.Config) {
	return func(c *config.Config) { c.Limits.Scale, c.Limits.Margin = scale, margin }
}

// pollMargin is smaller than the usual margin. Polls are so frequent that with the usual margin the
// window of a second would bind, and not that of the hour. Ten polls in 517 ms are only 1,160 in a
// minute, and this minute stands for an hour with 1,200 polls.
const usualMargin, pollMargin = 500 * time.Millisecond, 400 * time.Millisecond

// benchHours returns how many scaled hours to measure, or skips the test.
func benchHours(t *testing.T) int {
	t.Helper()
	switch v := os.Getenv("KSEF_BENCH_LIMITS"); v {
	case "":
		t.Skip("five minutes at full load: set KSEF_BENCH_LIMITS, or run make bench-limits")
	default:
		if n, err := strconv.Atoi(v); err == nil && n > 1 {
			return n
		}
	}
	return 5
}

// firstRequest waits for the first request of a group and returns when it was seen.
func (s *site) firstRequest(group string) time.Time {
	s.t.Helper()
	s.eventually(time.Minute, func() (bool, string) {
		return s.bed.Simulator.Books().Requests[group] > 0, "no request of " + group + " came"
	})
	return time.Now()
}

// countHours logs for each of n scaled hours how many requests of a group came. before is the
// simulator's count at the beginning. countHours returns the count at the end.
func (s *site) countHours(group string, began time.Time, n, perHour, before int) int {
	s.t.Helper()
	used := before
	for h := 1; h <= n; h++ {
		<-time.After(time.Until(began.Add(time.Duration(h) * scaledHour)))
		now := s.bed.Simulator.Books().Requests[group]
		s.t.Logf("hour %d: %d of %d %s", h, now-used, perHour, group)
		used = now
	}
	return used
}

func (s *site) noOverrun() {
	s.t.Helper()
	if v := s.bed.Simulator.Books().Violations; len(v) > 0 {
		s.t.Errorf("%d requests overran a limit, want none; the first is %+v", len(v), v[0])
	}
}

// nearlyAllUsed checks that at least 97 % of what was allowed was used.
func (s *site) nearlyAllUsed(what string, used, allowed int) {
	s.t.Helper()
	s.t.Logf("%s: %d of %d allowed used (%.1f %%), %d answers of 429",
		what, used, allowed, 100*float64(used)/float64(allowed), len(s.bed.Simulator.Books().Violations))
	if used*100 < allowed*97 {
		s.t.Errorf("%s: %d of %d used, want at least 97 %%", what, used, allowed)
	}
}

// limitReturns returns how often the limiter returned tasks of a kind to the queue, over all
// workers.
func limitReturns(t *testing.T, workers []*worker, task string) float64 {
	t.Helper()
	labels := `reason="limit",task="` + task + `"`
	total := 0.0
	for _, w := range workers {
		res, err := http.Get("http://" + w.address(t) + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(res.Body)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			rest, ok := strings.CutPrefix(lines.Text(), "ksef_verdicts_total{")
			if !ok || !strings.Contains(rest, labels) {
				continue
			}
			v, err := strconv.ParseFloat(rest[strings.LastIndexByte(rest, ' ')+1:], 64)
			if err != nil {
				t.Fatal(err)
			}
			total += v
		}
		_ = res.Body.Close()
	}
	return total
}

func TestLimits_SaturatingExpressLoad_FiveScaledHours_NeverOverAndFullyUsed(t *testing.T) {
	eachTransport(t, expressAtTheLimit)
}

func expressAtTheLimit(t *testing.T, way config.Transport) {
	n := benchHours(t)
	s := newSiteBy(t, simulator.Options{Profile: simulator.Production, Scale: scale}, way)
	s.configure(1, scaledLimits(usualMargin), func(c *config.Config) {
		c.Packages.MaxWait, c.Express.Idle = time.Minute, 20*time.Second
		c.Confirm.First, c.Confirm.Max = 5*time.Second, 30*time.Second
	})
	dir := s.export("export", sample.NIP(0), 180*(n+1))
	workers := s.startMany(4)
	s.submit("--lane", "express", dir)
	began := s.firstRequest("invoiceSend")
	used := s.countHours("invoiceSend", began, n, 180, 0)
	s.noOverrun()
	s.nearlyAllUsed("single sends", used, 180*n)
	t.Logf("%.2f returns to the queue for each send", limitReturns(t, workers, "invoice:send")/float64(used))
}

func TestLimits_TrueScale_OneHundredAndThirtySeconds_Exact(t *testing.T) {
	eachTransport(t, expressAtTrueScale)
}

func expressAtTrueScale(t *testing.T, way config.Transport) {
	benchHours(t)
	s := newSiteBy(t, simulator.Options{Profile: simulator.Production}, way)
	s.configure(1, func(c *config.Config) {
		c.Packages.MaxWait, c.Express.Idle = time.Minute, time.Minute
		c.Confirm.First, c.Confirm.Max = 5*time.Second, 30*time.Second
	})
	dir := s.export("export", sample.NIP(0), 150)
	workers := s.startMany(4)
	s.submit("--lane", "express", dir)
	began := s.firstRequest("invoiceSend")
	<-time.After(time.Until(began.Add(130 * time.Second)))
	used := s.bed.Simulator.Books().Requests["invoiceSend"]
	s.noOverrun()
	// 30 at once, 30 after a minute and the margin, and 30 after two minutes and two margins are
	// all that is allowed.
	if used != 90 {
		t.Errorf("%d sends in 130 s, want exactly 90", used)
	}
	t.Logf("single sends in 130 s: %d of 90; %.2f returns to the queue for each", used,
		limitReturns(t, workers, "invoice:send")/float64(used))
}

// The cut policy alone would cut ten packages a second. So only the cutter's check of the allowance
// and the waitlist of packages for a session keep the number of sessions within the limit.
func TestLimits_SaturatingBulkLoad_FiveScaledHours_NeverOverAndFullyUsed(t *testing.T) {
	eachTransport(t, bulkAtTheLimit)
}

func bulkAtTheLimit(t *testing.T, way config.Transport) {
	n := benchHours(t)
	s := newSiteBy(t, simulator.Options{Profile: simulator.Production, Scale: scale}, way)
	s.configure(1, scaledLimits(usualMargin), func(c *config.Config) {
		c.Packages.MaxWait, c.Packages.MaxInvoices, c.Packages.ExpressBelow = 100*time.Millisecond, 2, 0
		c.Confirm.First, c.Confirm.Max = 2*time.Second, 20*time.Second
	})
	// Packages have two invoices, or four while sessions are scarce. Each hour has 60 sessions.
	dir := s.export("export", sample.NIP(0), 60*4*(n+1))
	s.startMany(4)
	s.submit("--lane", "bulk", dir)
	began := s.firstRequest("batchSession")
	used := s.countHours("batchSession", began, n, 60, 0)
	s.noOverrun()
	s.nearlyAllUsed("batch sessions", used, 60*n)
}

// KSeF works on fifty sessions for hours. They are polled as often as the allowance permits and no
// more often.
func TestLimits_SaturatingPolls_FiveScaledHours_NeverOverAndFullyUsed(t *testing.T) {
	eachTransport(t, pollsAtTheLimit)
}

func pollsAtTheLimit(t *testing.T, way config.Transport) {
	n := benchHours(t)
	s := newSiteBy(t, simulator.Options{Profile: simulator.Production, Scale: scale, Delay: 24 * time.Hour}, way)
	s.configure(1, scaledLimits(pollMargin), func(c *config.Config) {
		c.Packages.MaxWait, c.Packages.MaxInvoices, c.Packages.ExpressBelow = 100*time.Millisecond, 1, 0
		c.Tenants[0].MaxSessionInvoices = 1
		c.Confirm.First, c.Confirm.Max = 100*time.Millisecond, time.Second
		c.Sweep.Every, c.Sweep.After = time.Minute, time.Minute
	})
	const sessions, invoices = 50, 50 // one in each: the hour allows only sixty sessions
	dir := s.export("export", sample.NIP(0), invoices)
	workers := s.startMany(4)
	s.submit("--lane", "bulk", dir)
	s.eventually(4*scaledHour, func() (bool, string) {
		books := s.bed.Simulator.Books()
		inSessions, open := 0, 0
		for _, e := range books.Sessions {
			inSessions += e.Invoices
			if e.Closed.IsZero() {
				open++
			}
		}
		return inSessions == invoices && open == 0, fmt.Sprintf("not all invoices are in closed sessions: %v", books.Requests)
	})
	// The first hour is not measured, because it begins with an untouched allowance and its
	// sessions come one after the other. From then on all sessions are there at every counted
	// instant, and the elapsed time determines what is allowed.
	<-time.After(scaledHour)
	began, before := time.Now(), s.bed.Simulator.Books().Requests["sessionMisc"]
	s.countHours("sessionMisc", began, n, 1200, before)
	used, allowed := s.bed.Simulator.Books().Requests["sessionMisc"]-before, int(1200*time.Since(began)/scaledHour)
	s.noOverrun()
	all := len(s.bed.Simulator.Books().Sessions)
	s.nearlyAllUsed(fmt.Sprintf("polls of %d sessions", all), used, allowed)
	if all < sessions {
		t.Errorf("%d sessions, want %d or more", all, sessions)
	}
	t.Logf("%.2f returns to the queue for each poll", limitReturns(t, workers, "package:confirm")/float64(used))
}
