package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
	"ksefworker/internal/simulator/ministry"
	"ksefworker/internal/testbed"
)

// A day of many tenants at KSeF's limits. In each hour every tenant hands in the same share. Half
// of the tenants use the gateway, and half go straight to KSeF. `make bench-million` runs this day
// with a million invoices and prints what each hour cost. An hour lasts 60 seconds here, for the
// limits too. So the day takes 24 minutes, or longer if the machine does not keep up.
const (
	dayHours   = 24
	dayTenants = 20
)

// TestMillion_ADayOfTwentyTenants_BooksBalance prints for each hour the CPU time that the workers
// and Redis have used so far. At the end it prints the CPU time of one invoice in the first three
// hours and in the last three. The invoices that are already there must not make the next ones
// dearer.
func TestMillion_ADayOfTwentyTenants_BooksBalance(t *testing.T) {
	total, err := strconv.Atoi(os.Getenv("KSEF_BENCH_MILLION"))
	if err != nil || total < dayHours*dayTenants {
		t.Skip("half an hour at full load: set KSEF_BENCH_MILLION to the number of invoices, or run make bench-million")
	}
	each := total / (dayHours * dayTenants)
	total = each * dayHours * dayTenants

	s := newDaySite(t)
	workers := s.startMany(2)
	began := time.Now()
	var hours []dayHour
	for h := range dayHours {
		hours = append(hours, handInHour(s, h, each, workers))
		t.Log(hours[h])
		<-time.After(time.Until(began.Add(time.Duration(h+1) * scaledHour)))
	}
	s.receipted(total, time.Hour)
	took := time.Since(began)
	hours = append(hours, measureHour(s, dayHour{hour: dayHours}, workers))
	memory := 0
	for _, w := range workers {
		memory = max(memory, w.peak(t))
	}
	first, last := costOf(hours[0], hours[3]), costOf(hours[dayHours-3], hours[dayHours])
	t.Logf("%d invoices of %d tenants, all with their receipts after %.0f s; %d sessions; Redis %d MB, %.0f bytes an invoice; "+
		"a worker's peak memory %d MB", total, dayTenants, took.Seconds(), len(s.bed.Simulator.Books().Sessions),
		hours[dayHours].redisBytes>>20, float64(hours[dayHours].redisBytes-hours[0].redisBytes)/float64(total), memory)
	t.Logf("CPU of an invoice: workers %.0f µs in the first three hours and %.0f µs in the last three (%.2f times); "+
		"Redis %.0f µs and %.0f µs (%.2f times)", first.workers, last.workers, last.workers/first.workers,
		first.redis, last.redis, last.redis/first.redis)
	t.Logf("the longest commands of Redis: %s", longestCommands(s))
	s.balanced(total)
}

// newDaySite returns a site with the day's tenants. Every other tenant goes straight to KSeF.
func newDaySite(t *testing.T) *site {
	t.Helper()
	var direct []string
	for i := 1; i < dayTenants; i += 2 {
		direct = append(direct, sample.NIP(i))
	}
	s := newSiteOf(t, simulator.Options{Profile: simulator.Production, Scale: scale, Delay: time.Second},
		&ministry.Options{Tokens: testbed.Tokens(direct...)})
	s.direct = direct
	s.configure(dayTenants, scaledLimits(usualMargin), func(c *config.Config) {
		d := config.Default()
		spool := c.Packages.SpoolDir
		c.Packages, c.Express, c.Confirm, c.Sweep = d.Packages, d.Express, d.Confirm, d.Sweep
		c.Packages.SpoolDir = spool
	})
	for name, value := range map[string]string{"slowlog-log-slower-than": "5000", "slowlog-max-len": "10000"} {
		if err := s.rdb.ConfigSet(t.Context(), name, value).Err(); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// dayHour is what was measured when an hour began, and how long enqueue took to take in the hour's
// invoices.
type dayHour struct {
	hour           int
	workers, redis time.Duration // CPU time since the start of the processes
	redisBytes     int64
	receipted      int64
	taken          time.Duration // how long enqueue took
}

func (h dayHour) String() string {
	return fmt.Sprintf("hour %2d: %7d receipted before it, Redis %4d MB, CPU so far: workers %.0f s, Redis %.0f s; taken in within %.1f s",
		h.hour, h.receipted, h.redisBytes>>20, h.workers.Seconds(), h.redis.Seconds(), h.taken.Seconds())
}

// handInHour hands in the invoices of one hour from one folder. The parameter each is the number of
// invoices of every tenant.
func handInHour(s *site, hour, each int, workers []*worker) dayHour {
	s.t.Helper()
	h := measureHour(s, dayHour{hour: hour}, workers)
	dir := filepath.Join(s.dir, fmt.Sprintf("hour-%02d", hour))
	for i := range dayTenants {
		s.export(dir, sample.NIP(i), each, func(_ int, o *sample.Options) { o.Number = fmt.Sprintf("%s/%02d", o.Number, hour) })
	}
	began := time.Now()
	s.submit(dir)
	h.taken = time.Since(began)
	if err := os.RemoveAll(dir); err != nil {
		s.t.Fatal(err)
	}
	return h
}

func measureHour(s *site, h dayHour, workers []*worker) dayHour {
	s.t.Helper()
	for _, w := range workers {
		h.workers += cpuTime(s.t, w.cmd.Process.Pid)
	}
	h.redis = cpuTime(s.t, s.bed.Redis.Pid())
	info, err := s.rdb.InfoMap(s.t.Context(), "memory").Result()
	if err != nil {
		s.t.Fatal(err)
	}
	h.redisBytes, _ = strconv.ParseInt(info["Memory"]["used_memory"], 10, 64)
	counts, err := s.ledger.Counts(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	h.receipted = counts[string(ledger.Receipted)]
	return h
}

// cpuTime returns the CPU time that a process has used, as the kernel counts it in hundredths of a
// second.
func cpuTime(t testing.TB, pid int) time.Duration {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	user, errUser := strconv.Atoi(fields[11])
	system, errSystem := strconv.Atoi(fields[12])
	if errUser != nil || errSystem != nil {
		t.Fatalf("the kernel reports %q and %q as CPU time", fields[11], fields[12])
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}

// cost is the CPU time of one invoice in microseconds.
type cost struct{ workers, redis float64 }

// costOf divides the CPU time by the invoices that got their receipts in that time. It does not
// divide by the invoices that were handed in, because an invoice that is handed in late in one hour
// costs most of its time in the next.
func costOf(from, to dayHour) cost {
	invoices := max(to.receipted-from.receipted, 1)
	return cost{
		workers: float64((to.workers - from.workers).Microseconds()) / float64(invoices),
		redis:   float64((to.redis - from.redis).Microseconds()) / float64(invoices),
	}
}
