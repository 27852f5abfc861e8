package ledger

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// BenchmarkBytes measures how much of Redis's memory one invoice takes, all keys together. It
// measures an invoice that waits for its package, an accepted one and a receipted one, each in the
// format of earlier builds and in the newest format. The figures entry, document, identity and
// lists are parts of the memory of a waiting invoice. The rest of that memory is hash tables, which
// Redis doubles when they are full. Documents have the size that a real document of 8 KB has when
// it is stored in the measured format. redis-µs and worker-µs are the processor times that Redis
// and this process use for one invoice, from start to end. Unlike elapsed times, they are useful on
// a busy machine too. take-µs is the processor time of both for taking an invoice in.
func BenchmarkBytes(b *testing.B) {
	for _, f := range []struct {
		name     string
		format   int
		document int // bytes, sealed
	}{{"buckets", FormatBuckets, 2200}, {"packed", FormatPacked, 1500}} {
		b.Run(f.name, func(b *testing.B) {
			for b.Loop() {
				benchBytes(b, f.format, f.document)
			}
		})
	}
}

func benchBytes(b *testing.B, format, document int) {
	const n = 10_000
	w := benchWorld(b)
	w.inFormat(format)
	w.must(w.LoadScripts(ctx()))
	before, began, ours := w.memory(), w.redisTime(), processTime()
	each := func() float64 { return float64(w.memory()-before) / n }
	docs := w.documents(n)
	for i := range docs {
		docs[i].Body = bytes.Repeat([]byte("x"), document)
		docs[i].File = "FV-2026-11-000123.xml"
	}
	made, taken := processTime(), w.redisTime()
	_, err := w.Take(ctx(), docs)
	w.must(err)
	micros := func(d time.Duration) float64 { return float64(d.Microseconds()) / n }
	b.ReportMetric(micros(processTime()-made+w.redisTime()-taken), "take-µs")
	ids := make([]string, n)
	for i := range docs {
		ids[i] = docs[i].ID
	}
	w.waitAll(w.read(ids...))
	b.ReportMetric(each(), "B/waiting")
	for name, keys := range map[string][]string{
		"entry": {w.key(keyInvoice, docs[0].ID)}, "document": {w.key(keyBody, docs[0].ID)},
		"identity": {w.key(keyIdentity, Identity{docs[0].NIP, docs[0].Kind, docs[0].Number}.digest())},
	} {
		b.ReportMetric(float64(w.usage(keys...)), "B/"+name)
	}
	lists := w.usage(w.key(keyState, string(Queued)), w.key(keyDue), w.key(keyWait, groupA.Name()), w.key(keyWaitAge, groupA.Name()))
	b.ReportMetric(float64(lists)/n, "B/lists")
	p := w.cut(groupA, CutLimits{n, much})
	w.must(w.MovePackage(ctx(), &p, PackageMove{To: PackageOpened,
		Edit: PackageEdit{}.Opened("20261126-SB-6E9AF92B07-C4DC21CA95-B6", "w", At(noon))}))
	w.step(&p, PackageUploaded)
	closing := closingOf(p)
	closing.Edit = PackageEdit{}.ClosingAt(At(noon))
	w.must(w.MovePackage(ctx(), &p, closing))
	w.step(&p, PackageProcessing)
	ids, err = w.Members(ctx(), p.ID)
	w.must(err)
	moves := make([]Move, n)
	for i, id := range ids {
		moves[i] = Move{ID: id, To: Accepted, Edit: Because(200, "").Mode("online").AcceptedAt(At(noon)).
			Number(fmt.Sprintf("%s-20261126-%012X-B2", sellerA, i))}
	}
	_, err = w.Apply(ctx(), moves)
	w.must(err)
	b.ReportMetric(each(), "B/accepted")
	_, err = w.Receipt(ctx(), ids, aUPO)
	w.must(err)
	w.step(&p, PackageSettled)
	w.step(&p, PackageReceipted)
	b.ReportMetric(micros(w.redisTime()-began), "redis-µs")
	b.ReportMetric(micros(processTime()-ours), "worker-µs")
	w.must(w.rdb.Do(ctx(), "memory", "purge").Err())
	b.ReportMetric(each(), "B/receipted")
}

// redisTime returns the processor time that Redis has used.
func (b *bed) redisTime() time.Duration {
	cpu := b.rdb.InfoMap(ctx(), "cpu")
	var all time.Duration
	for _, field := range []string{"used_cpu_user", "used_cpu_sys"} {
		d, err := time.ParseDuration(cpu.Item("CPU", field) + "s")
		b.must(err)
		all += d
	}
	return all
}

// processTime returns the processor time that this process has used.
func processTime() time.Duration {
	var u unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// usage returns what keys take of Redis's memory, in bytes.
func (b *bed) usage(keys ...string) (n int64) {
	for _, key := range keys {
		used, err := b.rdb.MemoryUsage(ctx(), key, 0).Result()
		b.must(err)
		n += used
	}
	return n
}
