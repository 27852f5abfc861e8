package ledger

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"ksefworker/internal/redisd"
	"ksefworker/internal/redisd/redistest"
)

// durable starts a Redis that answers a write only after the write is on disk.
func durable(t *testing.T) *redisd.Server {
	return redistest.StartWith(t, redisd.Options{AppendOnly: true, Args: []string{"--appendfsync", "always"}})
}

func TestLedger_RedisKilledBetweenVerbs_EveryAnsweredWriteIsThereAndScriptsLoadThemselves(t *testing.T) {
	srv := durable(t)
	w := newWorld(t, redistest.Client(t, srv), "ksef:")
	crash := func() {
		t.Helper()
		before := snapshotOf(t, w.rdb, w.prefix)
		w.must(srv.Kill())
		w.must(srv.Restart(t.Context()))
		w.unchangedSince(before)
	}
	docs := make([]NewInvoice, 250)
	for i := range docs {
		docs[i] = w.fresh()
	}
	invs := w.take(docs...)
	crash()
	var moves []Move
	for _, inv := range invs {
		moves = append(moves, Move{ID: inv.ID, Rev: inv.Rev, From: []State{Queued}, To: Queued, Group: groupA.Name()})
	}
	errs, err := w.Apply(ctx(), moves)
	w.must(err)
	if slices.ContainsFunc(errs, func(e error) bool { return e != nil }) {
		t.Fatal("want every move made; the errors of the moves are", errs)
	}
	crash()
	p := w.cut(groupA, CutLimits{100, much})
	crash()
	for _, s := range packagePath[1:5] {
		w.step(&p, s)
		crash()
	}
	online, inv := w.online(), w.invoiceIn(Queued)
	crash()
	_, _, err = w.BeginSend(ctx(), online.ID, "me", &inv)
	w.must(err)
	crash()
	w.must(w.Repack(ctx(), &p, PackageFailed, "refused", []Part{
		{ID: "pkg-x", Refusals: 1, IDs: idsOf(invs[:50])}, {ID: "pkg-y", Refusals: 1, IDs: idsOf(invs[50:])},
	}))
	crash()
	if p := w.readPackage("pkg-x"); p.State != PackageCut || p.Count == 0 {
		t.Errorf("after the last crash pkg-x is %s with %d invoices, want it cut, with invoices", p.State, p.Count)
	}
}

// Redis is killed while writers are busy. Every write that was answered is there. Every other write
// is there completely or not at all.
func TestLedger_RedisKilledWhileManyWrite_NothingAnsweredIsLostAndNothingIsHalfWritten(t *testing.T) {
	srv := durable(t)
	w := newWorld(t, redistest.Client(t, srv), "ksef:")
	const writers = 6
	var mu sync.Mutex
	answered := map[string]int64{} // id → the revision that the entry must at least have
	running := make(chan struct{}, 1)
	var wg sync.WaitGroup
	for n := range writers {
		// One try for each command, because a retried Take would find its own first try.
		rdb := redis.NewClient(&redis.Options{Addr: srv.Addr(), MaxRetries: -1, DialerRetries: 1})
		defer rdb.Close()
		l := New(rdb, Options{Prefix: "ksef:"})
		wg.Go(func() {
			for k := 0; ; k++ {
				var docs []NewInvoice
				for d := range 20 {
					docs = append(docs, document(sellerA, "VAT", fmt.Sprintf("%d-%d-%d", n, k, d), "x"))
				}
				res, err := l.Take(ctx(), docs)
				if err != nil {
					return // the crash
				}
				mu.Lock()
				for _, r := range res {
					answered[r.ID] = r.Rev
				}
				mu.Unlock()
				var moves []Move
				for _, r := range res {
					moves = append(moves, Move{ID: r.ID, Rev: r.Rev, From: []State{Queued}, To: Queued, Group: groupA.Name()})
				}
				errs, err := l.Apply(ctx(), moves)
				if err != nil {
					return
				}
				mu.Lock()
				for i, e := range errs {
					if e == nil {
						answered[moves[i].ID] = moves[i].Rev + 1
					}
				}
				enough := len(answered) > 600
				mu.Unlock()
				if enough {
					select {
					case running <- struct{}{}:
					default:
					}
				}
			}
		})
	}
	<-running
	w.must(srv.Kill())
	wg.Wait()
	w.must(srv.Restart(t.Context()))
	s := snapshotOf(t, w.rdb, w.prefix)
	for id, rev := range answered {
		if got := s.score("inv:"+id, "rev"); got < float64(rev) {
			t.Errorf("before the crash Redis answered that %s is at revision %d, now it is at %v", id, rev, got)
		}
	}
	t.Logf("Redis confirmed %d invoices before the crash, and %d are queued after it", len(answered), len(s.Sorted["st:queued"]))
}
