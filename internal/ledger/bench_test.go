package ledger

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"ksefworker/internal/redisd/redistest"
)

const tenThousand = 10_000

// Each benchmark handles one package of ten thousand invoices, the most that KSeF accepts, with a
// Redis on the same machine. ms is the time for the whole package. longest-ms is the time of the
// longest command, such as a script. Redis serves nobody else during a command.

func benchWorld(b *testing.B) *world {
	rdb, _ := redistest.New(b)
	return newWorld(b, rdb, "ksef:")
}

func (b *bed) documents(n int) []NewInvoice {
	body := bytes.Repeat([]byte("x"), 1500) // an invoice of 3 kB, sealed
	docs := make([]NewInvoice, n)
	for i := range docs {
		docs[i] = b.fresh()
		docs[i].Body = body
	}
	return docs
}

func (sc *scenes) waitAll(invs []Invoice) {
	moves := make([]Move, len(invs))
	for i, inv := range invs {
		moves[i] = Move{ID: inv.ID, Rev: inv.Rev, From: []State{Queued}, To: Queued, Group: groupA.Name()}
	}
	_, err := sc.Apply(ctx(), moves)
	sc.must(err)
}

// full makes an uploaded package of ten thousand invoices.
func (sc *scenes) full() Package {
	sc.waitAll(sc.take(sc.documents(tenThousand)...))
	p := sc.cut(groupA, CutLimits{tenThousand, much})
	sc.step(&p, PackageOpened)
	sc.step(&p, PackageUploaded)
	return p
}

// timed runs act once per round on what prepare made, and reports milliseconds.
func timed[T any](b *testing.B, prepare func(*world) T, act func(*world, T)) {
	w := benchWorld(b)
	for b.Loop() {
		b.StopTimer()
		w.must(w.rdb.FlushAll(ctx()).Err())
		v := prepare(w)
		w.must(w.rdb.ConfigSet(ctx(), "slowlog-log-slower-than", "0").Err())
		w.must(w.rdb.Do(ctx(), "slowlog", "reset").Err())
		b.StartTimer()
		act(w, v)
		b.StopTimer()
		slow, err := w.rdb.SlowLogGet(ctx(), -1).Result()
		w.must(err)
		var longest time.Duration
		for _, s := range slow {
			longest = max(longest, s.Duration)
		}
		b.ReportMetric(float64(longest.Microseconds())/1000, "longest-ms")
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms")
}

func BenchmarkTake10000(b *testing.B) {
	timed(b, func(w *world) []NewInvoice { return w.documents(tenThousand) }, func(w *world, docs []NewInvoice) {
		_, err := w.Take(ctx(), docs)
		w.must(err)
	})
}

func BenchmarkTake10000Again(b *testing.B) {
	timed(b, func(w *world) []NewInvoice {
		docs := w.documents(tenThousand)
		w.take(docs...)
		return docs
	}, func(w *world, docs []NewInvoice) {
		_, err := w.Take(ctx(), docs)
		w.must(err)
	})
}

func BenchmarkWait10000(b *testing.B) {
	timed(b, func(w *world) []Invoice { return w.take(w.documents(tenThousand)...) }, (*world).waitAll)
}

func BenchmarkCut10000(b *testing.B) {
	timed(b, func(w *world) string {
		w.waitAll(w.take(w.documents(tenThousand)...))
		return fmt.Sprint("pkg-", w.serial)
	}, func(w *world, id string) {
		ids, err := w.Cut(ctx(), id, groupA, CutLimits{tenThousand, much})
		w.must(err)
		if len(ids) != tenThousand {
			b.Fatal("want all ten thousand invoices in the package; Cut took", len(ids))
		}
	})
}

func BenchmarkMovePackageClosing10000(b *testing.B) {
	timed(b, (*world).full, func(w *world, p Package) { w.step(&p, PackageClosing) })
}

func BenchmarkMovePackageProcessing10000(b *testing.B) {
	timed(b, func(w *world) Package {
		p := w.full()
		w.step(&p, PackageClosing)
		return p
	}, func(w *world, p Package) { w.step(&p, PackageProcessing) })
}

func BenchmarkRepack10000(b *testing.B) {
	timed(b, func(w *world) Package {
		p := w.full()
		w.step(&p, PackageClosing)
		return p
	}, func(w *world, p Package) {
		ids, err := w.Members(ctx(), p.ID)
		w.must(err)
		half := len(ids) / 2
		w.must(w.Repack(ctx(), &p, PackageFailed, "refused", []Part{
			{ID: "pkg-x", Refusals: 1, IDs: ids[:half]}, {ID: "pkg-y", Refusals: 1, IDs: ids[half:]},
		}))
	})
}

func BenchmarkSettle10000(b *testing.B) {
	timed(b, func(w *world) []Move {
		p := w.full()
		w.step(&p, PackageClosing)
		w.step(&p, PackageProcessing)
		held, err := w.Held(ctx(), p.ID)
		w.must(err)
		moves := make([]Move, len(held))
		for i, inv := range held {
			moves[i] = Move{ID: inv.ID, Rev: inv.Rev, To: Accepted, In: p.ID, Edit: Edit{{"code", 200}, {"reason", ""},
				{"ksef_number", "5265877635-20250826-0100001AF629-AF"}, {"mode", "online"}, {"accepted_at", At(noon)}}}
		}
		return moves
	}, func(w *world, moves []Move) {
		errs, err := w.Apply(ctx(), moves)
		w.must(err)
		for _, e := range errs {
			w.must(e)
		}
	})
}

func BenchmarkReceipt10000(b *testing.B) {
	timed(b, func(w *world) []string {
		p := w.full()
		w.step(&p, PackageClosing)
		w.step(&p, PackageProcessing)
		ids, err := w.Members(ctx(), p.ID)
		w.must(err)
		moves := make([]Move, len(ids))
		for i, id := range ids {
			moves[i] = Move{ID: id, To: Accepted}
		}
		_, err = w.Apply(ctx(), moves)
		w.must(err)
		return ids
	}, func(w *world, ids []string) {
		_, err := w.Receipt(ctx(), ids, aUPO)
		w.must(err)
	})
}

func BenchmarkHeld10000(b *testing.B) {
	timed(b, (*world).full, func(w *world, p Package) {
		_, err := w.Held(ctx(), p.ID)
		w.must(err)
	})
}
