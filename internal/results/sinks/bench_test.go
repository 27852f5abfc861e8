package sinks

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/internal/ledger"
	"ksefworker/internal/redisd/redistest"
	"ksefworker/internal/sample"
)

// BenchmarkWebhooks measures how many results per second one process delivers to receivers on
// loopback. The process reads the outbox in batches from a real Redis. For each result it also
// reads the entry and the document, and signs the call. With four receivers, each of them is told
// every result, and the calls of all are counted.
func BenchmarkWebhooks(b *testing.B) {
	for _, n := range []int{1, 4} {
		b.Run(fmt.Sprintf("receivers%d", n), func(b *testing.B) { benchWebhooks(b, n) })
	}
}

func benchWebhooks(b *testing.B, receivers int) {
	rdb, _ := redistest.New(b)
	l := ledger.New(rdb, ledger.Options{Prefix: "ksef:", Outbox: max(b.N, 1000)})
	fillOutbox(b, l, b.N)
	var calls atomic.Int64
	runners := make([]*Runner, receivers)
	for i := range runners {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			calls.Add(1)
			w.WriteHeader(http.StatusNoContent)
		}))
		b.Cleanup(srv.Close)
		secret := secretPrefix + base64.StdEncoding.EncodeToString(make([]byte, 32))
		secrets := func() ([]string, error) { return []string{secret}, nil }
		hook := NewWebhook(WebhookOptions{URL: srv.URL, AllowPrivate: true, Secrets: secrets})
		b.Cleanup(hook.Close)
		editor := &Editor{Ledger: l, Environment: "test", Document: func(ctx context.Context, inv *ledger.Invoice) []byte {
			doc, _ := l.Body(ctx, inv.ID)
			return doc
		}}
		runners[i] = &Runner{Name: fmt.Sprintf("erp-%d", i), Sink: hook, Log: zerolog.Nop(), Editor: editor}
	}
	b.ResetTimer()
	var all sync.WaitGroup
	for _, r := range runners {
		all.Go(func() {
			for told := int64(0); told < int64(b.N); { // one run of a runner lasts ten seconds at most
				if err := r.Run(b.Context(), nil); err != nil {
					b.Error(err)
					return
				}
				state, err := l.Sink(b.Context(), r.Name)
				if err != nil || state.Outage != 0 {
					b.Errorf("the state of the receiver is %+v (error %v), want no outage", state, err)
					return
				}
				told = state.Taken
			}
		})
	}
	all.Wait()
	b.StopTimer()
	if want := int64(b.N * receivers); calls.Load() != want {
		b.Fatalf("%d calls were made, want %d", calls.Load(), want)
	}
	b.ReportMetric(float64(calls.Load())/b.Elapsed().Seconds(), "webhooks/s")
}

// fillOutbox takes n invoices in and has them rejected.
func fillOutbox(b *testing.B, l *ledger.Ledger, n int) {
	b.Helper()
	const atOnce = 500
	for first := 0; first < n; first += atOnce {
		var docs []ledger.NewInvoice
		var moves []ledger.Move
		for i := first; i < min(first+atOnce, n); i++ {
			number := fmt.Sprintf("FV/%d", i)
			doc := sample.Invoice(sample.Options{SellerNIP: sample.NIP(0), Number: number, IssueDate: time.Now().Format(time.DateOnly)})
			sum := sha256.Sum256(doc)
			id := ledger.InvoiceID(ledger.Identity{NIP: sample.NIP(0), Kind: "VAT", Number: number}, sum)
			docs = append(docs, ledger.NewInvoice{Body: doc, Invoice: ledger.Invoice{
				Facts: ledger.Facts{ID: id, Tenant: "one", NIP: sample.NIP(0), Kind: "VAT", IssueDate: "2026-11-23", Form: "v3",
					File: number},
				Number: number, Hash: ledger.HashText(sum), Size: int64(len(doc)),
			}})
			moves = append(moves, ledger.Move{ID: id, To: ledger.Rejected, Edit: ledger.Because(450, "P_15: missing")})
		}
		if _, err := l.Take(b.Context(), docs); err != nil {
			b.Fatal(err)
		}
		if _, err := l.Apply(b.Context(), moves); err != nil {
			b.Fatal(err)
		}
	}
}
