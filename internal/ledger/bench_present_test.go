package ledger

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// receiptedEntries puts n receipted invoices into the ledger, in packed form. It writes them
// directly, because leading a million invoices through their states takes minutes.
func receiptedEntries(w *world, n int) {
	w.t.Helper()
	model := w.receipt(w.accepted("FV/2026/11/model", "", "FV-2026-11-000123.xml"))
	state := w.key(keyState, string(Receipted))
	var wg sync.WaitGroup
	defer wg.Wait()
	for part := range runtime.NumCPU() {
		wg.Go(func() {
			for from := part * 1000; from < n; from += 1000 * runtime.NumCPU() {
				_, err := w.rdb.Pipelined(ctx(), func(p redis.Pipeliner) error {
					for k := from; k < min(from+1000, n); k++ {
						addReceipted(w, p, state, model, k)
					}
					return nil
				})
				w.must(err)
			}
		})
	}
}

func addReceipted(w *world, p redis.Pipeliner, state string, like Invoice, k int) {
	i := like
	doc := document(i.NIP, i.Kind, fmt.Sprintf("FV/2026/11/%07d", k), "x")
	i.ID, i.Number, i.Hash = doc.ID, doc.Number, doc.Hash
	i.KsefNumber = fmt.Sprintf("%s-20261126-%012X-B2", i.NIP, k)
	record, shape, err := packFinal(&i, new(writtenShapes))
	w.must(err)
	value, err := frozen{rev: strconv.FormatInt(i.Rev, 10), record: record}.pack()
	w.must(err)
	bucket, field := w.bucketOf(i.ID)
	name, digest := identityBucket(Identity{i.NIP, i.Kind, i.Number}.digest())
	if k == 0 {
		p.HSetNX(ctx(), w.key(keyShapes), string(shapeDigest(shape.text)), shape.text)
	}
	p.HSet(ctx(), bucket, field, value)
	p.HSet(ctx(), w.key(keyIdentities, name), digest, rawID(i.ID))
	p.ZAdd(ctx(), state, redis.Z{Score: float64(i.UpdatedAt) + float64(k), Member: i.ID})
}

// memory returns how many bytes Redis uses, apart from the buffers of its clients.
func (w *world) memory() int64 {
	info := w.rdb.InfoMap(ctx(), "memory")
	var n [2]int64
	for k, field := range []string{"used_memory", "mem_clients_normal"} {
		var err error
		n[k], err = strconv.ParseInt(info.Item("Memory", field), 10, 64)
		w.must(err)
	}
	return n[0] - n[1]
}

// BenchmarkPresent takes invoices into an empty ledger, and into one that has KSEF_BENCH_ENTRIES
// receipted invoices (a million unless set). It also reports how much of Redis's memory an entry
// takes. It runs for about a minute.
func BenchmarkPresent(b *testing.B) {
	many := 1_000_000
	if s := os.Getenv("KSEF_BENCH_ENTRIES"); s != "" {
		var err error
		if many, err = strconv.Atoi(s); err != nil {
			b.Fatalf("KSEF_BENCH_ENTRIES: %v", err)
		}
	}
	for _, n := range []int{0, many} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w := benchWorld(b)
			before := w.memory()
			receiptedEntries(w, n)
			bytes := w.memory() - before
			const batch = 10_000
			var took time.Duration
			for b.Loop() {
				docs := w.documents(batch)
				began := time.Now()
				_, err := w.Take(ctx(), docs)
				w.must(err)
				took += time.Since(began)
			}
			if n > 0 {
				b.ReportMetric(float64(bytes)/float64(n), "B/receipted")
			}
			b.ReportMetric(float64(batch*b.N)/took.Seconds(), "take/s")
		})
	}
}
