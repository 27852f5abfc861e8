package e2e_test

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
)

// benchWayWithin bounds one run of the whole way.
const benchWayWithin = 5 * time.Minute

// BenchmarkWay_10kInvoices is the whole way of ten thousand invoices of 8 KB: a folder, enqueue,
// one worker, KSeF's answers after a second, receipts in a folder. The settings for packages,
// express, confirmations and sweeps are the defaults. Redis, the worker and the simulator share the
// machine. The benchmark measures the way through the gateway and the way straight to KSeF, each
// with the limits of production and without limits. The simulator checks every document against the
// schema on this machine. The simulator's CPU time is printed separately, because KSeF has machines
// of its own.
func BenchmarkWay_10kInvoices(b *testing.B) {
	for _, c := range []struct {
		name    string
		profile simulator.Profile
		tune    func(*config.Config)
	}{
		{"limits=production", simulator.Production, func(*config.Config) {}},
		{"limits=lifted", simulator.Unlimited, liftLimits},
	} {
		for _, way := range transports {
			b.Run(fmt.Sprintf("transport=%s/%s", way, c.name), func(b *testing.B) { benchWay(b, 10_000, way, c.profile, c.tune) })
		}
	}
}

// BenchmarkWay_100kInvoices is the same for ten times as many invoices. One taxpayer may send this
// many within an hour. This benchmark measures only the way through the gateway, with the limits
// lifted.
func BenchmarkWay_100kInvoices(b *testing.B) {
	benchWay(b, 100_000, config.GatewayTransport, simulator.Unlimited, liftLimits)
}

func benchWay(b *testing.B, n int, way config.Transport, profile simulator.Profile, tune func(*config.Config)) {
	for b.Loop() {
		b.StopTimer()
		s := newSiteBy(b, simulator.Options{Profile: profile, Delay: time.Second}, way)
		s.configure(1, tune, func(c *config.Config) {
			d := config.Default()
			spool := c.Packages.SpoolDir
			c.Packages, c.Express, c.Confirm, c.Sweep = d.Packages, d.Express, d.Confirm, d.Sweep
			c.Packages.SpoolDir = spool
		})
		dir := s.export("export", sample.NIP(0), n, func(_ int, o *sample.Options) { o.PadTo = 8 << 10 })
		for name, value := range map[string]string{"slowlog-log-slower-than": "1000", "slowlog-max-len": "10000"} {
			if err := s.rdb.ConfigSet(b.Context(), name, value).Err(); err != nil {
				b.Fatal(err)
			}
		}
		w := s.start()
		b.StartTimer()
		began, redisBefore, here := time.Now(), cpuTime(b, s.bed.Redis.Pid()), cpuTime(b, os.Getpid())
		accepted := make(chan time.Duration, 1)
		go func() { accepted <- s.acceptedAfter(began, n, benchWayWithin) }()
		s.submit(dir)
		taken := time.Since(began)
		s.receipted(n, benchWayWithin)
		receipts := time.Since(began)
		b.StopTimer()
		books := s.bed.Simulator.Books()
		b.ReportMetric(taken.Seconds(), "s-taken-in")
		b.ReportMetric((<-accepted).Seconds(), "s-accepted")
		b.ReportMetric(receipts.Seconds(), "s-receipts")
		b.ReportMetric(float64(len(books.Sessions)), "sessions")
		b.ReportMetric(float64(w.peak(b)), "MB-worker")
		b.ReportMetric(cpuTime(b, w.cmd.Process.Pid).Seconds(), "cpu-s-worker")
		b.ReportMetric((cpuTime(b, s.bed.Redis.Pid()) - redisBefore).Seconds(), "cpu-s-redis")
		b.ReportMetric((cpuTime(b, os.Getpid()) - here).Seconds(), "cpu-s-stand-in")
		b.Logf("the longest commands of Redis: %s", longestCommands(s))
		b.Logf("the dearest commands of Redis:\n%s", dearestCommands(s))
		s.balanced(n)
		w.terminate(b, 30*time.Second)
		b.StartTimer()
	}
}

// longestCommands describes the longest call of each script or command in Redis's log of slow
// calls.
func longestCommands(s *site) string {
	s.t.Helper()
	slow, err := s.rdb.SlowLogGet(s.t.Context(), -1).Result()
	if err != nil {
		s.t.Fatal(err)
	}
	names := map[string]string{}
	for name, hash := range ledger.ScriptHashes() {
		names[hash] = name
	}
	longest := map[string]time.Duration{}
	for _, call := range slow {
		name := call.Args[0]
		if len(call.Args) > 1 && names[call.Args[1]] != "" {
			name = names[call.Args[1]]
		}
		longest[name] = max(longest[name], call.Duration)
	}
	return fmt.Sprint(longest)
}

// dearestCommands lists the ten commands that took most of Redis's time, with calls and
// milliseconds as INFO commandstats counts them. A command that a script calls counts both for
// itself and for EVALSHA.
func dearestCommands(s *site) string {
	s.t.Helper()
	stats, err := s.rdb.Info(s.t.Context(), "commandstats").Result()
	if err != nil {
		s.t.Fatal(err)
	}
	type command struct {
		name        string
		calls, usec int
	}
	var all []command
	for line := range strings.Lines(stats) {
		var c command
		name, figures, _ := strings.Cut(strings.TrimPrefix(line, "cmdstat_"), ":")
		if n, _ := fmt.Sscanf(figures, "calls=%d,usec=%d", &c.calls, &c.usec); n == 2 {
			c.name = name
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b command) int { return b.usec - a.usec })
	var text strings.Builder
	for _, c := range all[:min(10, len(all))] {
		fmt.Fprintf(&text, "%-12s %7d calls %6d ms\n", c.name, c.calls, c.usec/1000)
	}
	return text.String()
}

// liftLimits removes the client's request limits.
func liftLimits(c *config.Config) {
	groups := reflect.ValueOf(&c.Limits.Groups).Elem()
	for i := range groups.NumField() {
		groups.Field(i).Set(reflect.ValueOf(config.Rates{
			PerSecond: config.Unlimited, PerMinute: config.Unlimited, PerHour: config.Unlimited}))
	}
}
