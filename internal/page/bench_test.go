package page_test

import (
	"crypto/sha256"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/page"
)

// BenchmarkPage measures pages over a full ledger: KSEF_BENCH_PAGE final invoices (100,000 unless
// it is set), a tenth as many that wait, and 500 tenants. Besides the time of an answer it reports
// the longest command that Redis ran meanwhile.
func BenchmarkPage(b *testing.B) {
	final := 100_000
	if n, err := strconv.Atoi(os.Getenv("KSEF_BENCH_PAGE")); err == nil {
		final = n
	}
	const tenants = 500
	var all []page.Tenant
	for i := range tenants {
		all = append(all, page.Tenant{Name: fmt.Sprintf("tenant-%03d", i), NIP: sellerA})
	}
	w := newWorld(b, func(o *page.Options) { o.Tenants, o.Users = all, append(o.Users, user("one", false, "tenant-007")) })
	w.fill(final, tenants, ledger.Dismissed)
	w.fill(final/10, tenants, ledger.Queued)
	w.check(w.rdb.ConfigSet(b.Context(), "slowlog-log-slower-than", "1000").Err())
	olga, one := w.as("olga"), w.as("one")
	for _, bench := range []struct {
		name, path string
		who        *person
	}{
		{"overview of all tenants", "/", olga}, {"overview of one tenant", "/", one},
		{"newest of all tenants", "/invoices", olga}, {"newest of one tenant", "/invoices", one},
		{"exact number", "/invoices?q=" + url.QueryEscape(benchNumber(final/2, ledger.Dismissed)), olga},
		{"part of a number, new", "/invoices?q=" + fmt.Sprint(final-10), olga},
		{"part of no number", "/invoices?q=nothing-has-this", olga},
		{"open items", "/open", one}, {"open items that nobody has seen", "/open?seen=no", olga},
		{"deliveries of all", "/deliveries", olga}, {"a receiver, of one tenant", "/deliveries/erp", one},
	} {
		b.Run(bench.name, func(b *testing.B) {
			w.check(w.rdb.SlowLogReset(b.Context()).Err())
			var took []time.Duration
			for b.Loop() {
				begun := time.Now()
				if status, _, _ := bench.who.get(bench.path); status != 200 {
					b.Fatalf("the page has status %d: %s", status, w.log.String())
				}
				took = append(took, time.Since(begun))
			}
			longest, command := time.Duration(0), ""
			slow, err := w.rdb.SlowLogGet(b.Context(), 1000).Result()
			w.check(err)
			for _, s := range slow {
				if s.Duration > longest {
					longest, command = s.Duration, strings.Join(s.Args[:min(len(s.Args), 3)], " ")
				}
			}
			if longest > 20*time.Millisecond { // on a quiet machine no command takes longer
				b.Logf("Redis ran %s for %v", command, longest)
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*9/10].Milliseconds()), "ms-p90")
			b.ReportMetric(float64(longest.Microseconds())/1000, "ms-longest-command")
		})
	}
}

func benchNumber(i int, s ledger.State) string { return fmt.Sprintf("FV/%s/%07d", s, i) }

// fill takes n invoices of many tenants in and moves them to a state.
func (w *world) fill(n, tenants int, to ledger.State) {
	const batch = 1000
	for at := 0; at < n; at += batch {
		docs, moves := make([]ledger.NewInvoice, 0, batch), make([]ledger.Move, 0, batch)
		for i := at; i < min(at+batch, n); i++ {
			number := benchNumber(i, to)
			sum := sha256.Sum256([]byte(number))
			id := ledger.InvoiceID(ledger.Identity{NIP: sellerA, Kind: "VAT", Number: number}, sum)
			docs = append(docs, ledger.NewInvoice{Body: []byte("x"), Invoice: ledger.Invoice{
				Facts: ledger.Facts{ID: id, Tenant: fmt.Sprintf("tenant-%03d", i%tenants), NIP: sellerA, Kind: "VAT", Form: "v3",
					IssueDate: "2026-11-26", File: number + ".xml"}, Number: number, Size: 1, Hash: ledger.HashText(sum),
			}})
			moves = append(moves, ledger.Move{ID: id, To: to})
		}
		taken, err := w.ledger.Take(w.t.Context(), docs)
		w.check(err)
		for i := range taken {
			moves[i].Rev = taken[i].Rev
		}
		if to != ledger.Queued {
			_, err = w.ledger.ApplyEach(w.t.Context(), moves)
			w.check(err)
		}
	}
}
