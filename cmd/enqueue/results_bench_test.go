package main

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ksefworker/internal/ledger"
	"ksefworker/internal/redisd/redistest"
	"ksefworker/internal/sample"
	"ksefworker/internal/testbed"
)

// BenchmarkResults runs "enqueue results" on a ledger of receipted invoices of twenty tenants.
// There are 200,000 invoices, or as many as KSEF_BENCH_ENTRIES says. The benchmark reports when the
// program printed the first line and when it ended, the program's memory, the CPU time of the
// program and of Redis, and the longest command of Redis.
func BenchmarkResults(b *testing.B) {
	n := 200_000
	if text := os.Getenv("KSEF_BENCH_ENTRIES"); text != "" {
		n, _ = strconv.Atoi(text)
	}
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	rdb, srv := redistest.New(b)
	bed, err := testbed.Start(b.Context(), testbed.Options{Dir: b.TempDir(), RedisURL: srv.URL(), GatewayURL: "http://127.0.0.1:1"})
	must(err)
	defer bed.Close()
	cfg := filepath.Join(b.TempDir(), "worker.yaml")
	must(testbed.WriteConfig(cfg, bed.Config(20)))
	l := ledger.New(rdb, ledger.Options{})
	const some = 500
	for from := 0; from < n; from += some {
		docs, ids := make([]ledger.NewInvoice, some), make([]string, some)
		for i := range docs {
			number, nip := fmt.Sprintf("FV/2026/11/%07d", from+i), sample.NIP((from+i)%20)
			hash := sha256.Sum256([]byte(number))
			ids[i] = ledger.InvoiceID(ledger.Identity{NIP: nip, Kind: "VAT", Number: number}, hash)
			docs[i] = ledger.NewInvoice{Body: []byte("x"), Invoice: ledger.Invoice{Number: number, Hash: ledger.HashText(hash), Size: 8000,
				Facts: ledger.Facts{
					ID: ids[i], Tenant: nip, NIP: nip, Kind: "VAT", Form: "v3", IssueDate: "2026-11-23",
					File: number + ".xml",
				}}}
		}
		_, err := l.Take(b.Context(), docs)
		must(err)
		for _, to := range []ledger.State{ledger.Packed, ledger.Accepted} {
			moves := make([]ledger.Move, some)
			for i := range moves {
				moves[i] = ledger.Move{ID: ids[i], To: to}
				if to == ledger.Accepted {
					moves[i].Edit = ledger.Edit{}.Number(fmt.Sprintf("%s-20261123-0100A0%06X-39", docs[i].NIP, from+i))
				}
			}
			_, err := l.Apply(b.Context(), moves)
			must(err)
		}
		_, err = l.Receipt(b.Context(), ids, "file:///archive/session.xml")
		must(err)
	}
	program := filepath.Join(b.TempDir(), "enqueue") // this test program is enqueue under that name: see TestMain
	self, err := os.Executable()
	must(err)
	must(os.Symlink(self, program))
	for b.Loop() {
		must(rdb.ConfigSet(b.Context(), "slowlog-log-slower-than", "1000").Err())
		must(rdb.ConfigSet(b.Context(), "slowlog-max-len", "10000").Err())
		must(rdb.Do(b.Context(), "slowlog", "reset").Err())
		cmd := exec.CommandContext(b.Context(), program, "results", "--since", "7d", "--format", "ndjson", "--config", cfg)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		must(err)
		began, lines, busy := time.Now(), 0, redisCPU(b, rdb)
		must(cmd.Start())
		for in := bufio.NewScanner(out); in.Scan(); lines++ {
			if lines == 0 {
				b.ReportMetric(float64(time.Since(began).Microseconds())/1000, "first-ms")
			}
		}
		must(cmd.Wait())
		b.ReportMetric(float64(lines), "lines")
		b.ReportMetric(time.Since(began).Seconds(), "s")
		if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
			b.ReportMetric(float64(usage.Maxrss)/1024, "MB")
		}
		b.ReportMetric((cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(), "cpu-s")
		b.ReportMetric(redisCPU(b, rdb)-busy, "redis-cpu-s")
		slow, err := rdb.SlowLogGet(b.Context(), -1).Result()
		must(err)
		slices.SortFunc(slow, func(x, y redis.SlowLog) int { return cmp.Compare(y.Duration, x.Duration) })
		longest := time.Duration(0)
		for i, s := range slow[:min(len(slow), 5)] {
			longest = max(longest, s.Duration)
			b.Logf("longest %d of %d: %v %.60q", i+1, len(slow), s.Duration, s.Args[:min(len(s.Args), 2)])
		}
		b.ReportMetric(float64(longest.Microseconds())/1000, "longest-ms")
	}
}

// redisCPU returns the processor time of the server since its start, in seconds.
func redisCPU(b *testing.B, rdb *redis.Client) (s float64) {
	b.Helper()
	cpu := rdb.InfoMap(b.Context(), "cpu")
	for _, name := range []string{"used_cpu_user", "used_cpu_sys"} {
		part, err := strconv.ParseFloat(cpu.Item("CPU", name), 64)
		if err != nil {
			b.Fatal(err)
		}
		s += part
	}
	return s
}
