package intake_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/redisd/redistest"
	"ksefworker/internal/sample"
)

// stub is an admitter that calls a function.
type stub func(ctx context.Context, docs []intake.Document) ([]intake.Admission, error)

func (s stub) Admit(ctx context.Context, docs []intake.Document, _ intake.Terms) ([]intake.Admission, error) {
	return s(ctx, docs)
}

// takeAll answers that all documents were taken.
func takeAll(docs []intake.Document) []intake.Admission {
	out := make([]intake.Admission, len(docs))
	for i, d := range docs {
		out[i] = intake.Admission{File: d.File, Taken: ledger.Created}
	}
	return out
}

// items yields n items; one in seven is a problem.
func items(n int) iter.Seq[intake.Item] {
	return func(yield func(intake.Item) bool) {
		for i := range n {
			it := intake.Item{File: fmt.Sprint(i), Data: []byte("x")}
			if i%7 == 3 {
				it.Data, it.Err = nil, &intake.Problem{What: "is bad"}
			}
			if !yield(it) {
				return
			}
		}
	}
}

func TestRun_CallsEndInAnyOrder_AllAreReportedInOrder(t *testing.T) {
	var calls atomic.Int64
	var mu sync.Mutex
	a := stub(func(_ context.Context, docs []intake.Document) ([]intake.Admission, error) {
		if calls.Add(1)%3 == 0 {
			mu.Lock() // some calls take longer than others
			defer mu.Unlock()
		}
		return takeAll(docs), nil
	})
	next := 0
	err := intake.Run(t.Context(), a, items(5000), intake.Terms{}, func(adms []intake.Admission) {
		for _, adm := range adms {
			if adm.File != fmt.Sprint(next) {
				t.Fatalf("Run reports %s, want item %d", adm.File, next)
			}
			if bad := next%7 == 3; bad != (adm.Taken == ledger.Refused) || bad != (adm.Err != nil) {
				t.Errorf("item %d: %+v, want it refused with an error: %v", next, adm, bad)
			}
			next++
		}
	})
	if err != nil || next != 5000 {
		t.Errorf("%d outcomes were reported, %v, want 5000", next, err)
	}
}

func TestRun_RedisFails_ReportsWhatIsKnownAndReadsNoFurther(t *testing.T) {
	down := errors.New("connection refused")
	var calls, read atomic.Int64
	a := stub(func(_ context.Context, docs []intake.Document) ([]intake.Admission, error) {
		if calls.Add(1) == 5 {
			return nil, down
		}
		return takeAll(docs), nil
	})
	source := func(yield func(intake.Item) bool) {
		for it := range items(1_000_000) {
			read.Add(1)
			if !yield(it) {
				return
			}
		}
	}
	taken, refused := 0, 0
	err := intake.Run(t.Context(), a, source, intake.Terms{}, func(adms []intake.Admission) {
		for _, adm := range adms {
			if adm.Taken == ledger.Created {
				taken++
			} else {
				refused++
			}
		}
	})
	if !errors.Is(err, down) {
		t.Errorf("Run returned the error %v, want that of Redis", err)
	}
	// Every chunk that was admitted is reported. Of the chunk that failed, only what was refused
	// without Redis is reported.
	if n := int(calls.Load()-1) * 100; taken+refused < n || taken+refused > n+100 || taken == 0 {
		t.Errorf("%d taken and %d refused were reported for %d calls, want some taken, and %d to %d in all",
			taken, refused, calls.Load(), n, n+100)
	}
	if read.Load() > 10_000 {
		t.Errorf("%d items were read although a call failed early, want 10,000 at most", read.Load())
	}
}

func TestRun_QueueFails_WhatTheLedgerTookIsStillReported(t *testing.T) {
	down := errors.New("queue does not answer")
	a := stub(func(_ context.Context, docs []intake.Document) ([]intake.Admission, error) {
		return takeAll(docs), down
	})
	taken := 0
	err := intake.Run(t.Context(), a, items(3), intake.Terms{}, func(adms []intake.Admission) { taken += len(adms) })
	if !errors.Is(err, down) || taken != 3 {
		t.Errorf("%d outcomes were reported, %v, want 3 and the error of Redis", taken, err)
	}
}

func TestRun_ContextCancelled_Ends(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	a := stub(func(ctx context.Context, docs []intake.Document) ([]intake.Admission, error) {
		cancel()
		<-ctx.Done()
		return nil, ctx.Err()
	})
	err := intake.Run(ctx, a, items(1_000_000), intake.Terms{}, func([]intake.Admission) {})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Run returned the error %v, want that of the context", err)
	}
}

func TestRun_NoDocuments_IsNoError(t *testing.T) {
	report := func([]intake.Admission) { t.Error("outcomes were reported although there is no document") }
	if err := intake.Run(t.Context(), stub(nil), items(0), intake.Terms{}, report); err != nil {
		t.Error(err)
	}
}

// A reader that is faster than Redis must not fill the memory, so the number of documents in flight
// is bounded.
func TestRun_RedisIsSlow_ReadsOnlySoFarAhead(t *testing.T) {
	gate := make(chan struct{})
	a := stub(func(_ context.Context, docs []intake.Document) ([]intake.Admission, error) {
		<-gate
		return takeAll(docs), nil
	})
	var read atomic.Int64
	stalled := make(chan struct{})
	source := func(yield func(intake.Item) bool) {
		for it := range items(100_000) {
			read.Add(1)
			if !yield(it) {
				return
			}
		}
	}
	go func() {
		defer close(stalled)
		for last := int64(-1); ; { // poll until the reader has stopped
			now := read.Load()
			if now == last && now > 0 {
				close(gate)
				return
			}
			last = now
			<-time.After(50 * time.Millisecond)
		}
	}()
	ahead := int64(0)
	err := intake.Run(t.Context(), a, source, intake.Terms{}, func([]intake.Admission) {
		if ahead == 0 {
			ahead = read.Load()
		}
	})
	<-stalled
	if err != nil || ahead > 10_000 {
		t.Errorf("%d documents were read ahead, %v, want 10,000 at most", ahead, err)
	}
}

func TestRun_RealRedis_EachInvoiceHasItsEntryAndItsTask(t *testing.T) {
	rdb, _ := redistest.New(t)
	a := admitter(t, rdb)
	source := func(yield func(intake.Item) bool) {
		for name, doc := range sample.Invoices(sample.NIP(0), 450, "") {
			if !yield(intake.Item{File: name, Data: doc}) {
				return
			}
		}
	}
	for round, want := range []ledger.Taken{ledger.Created, ledger.Present} {
		n := 0
		err := intake.Run(t.Context(), a, source, intake.Terms{Lane: ledger.Express}, func(adms []intake.Admission) {
			for _, adm := range adms {
				if adm.Taken != want || adm.Err != nil {
					t.Errorf("round %d: an answer is %+v, want %s", round, adm, want)
				}
				n++
			}
		})
		if err != nil || n != 450 {
			t.Fatalf("round %d: %d outcomes were reported, %v, want 450", round, n, err)
		}
		counts, err := a.Ledger.Counts(t.Context())
		if err != nil || counts[string(ledger.Queued)] != 450 {
			t.Errorf("round %d: the ledger counts %v, %v, want 450 queued", round, counts, err)
		}
		if depth, err := a.Queue.Depth(queue.KindSubmit); err != nil || depth != 450 {
			t.Errorf("round %d: %d tasks are queued, %v, want 450", round, depth, err)
		}
	}
}

func TestRun_LargeDocuments_GoInSeveralCalls(t *testing.T) {
	dir := t.TempDir()
	for i := range 12 {
		put(t, filepath.Join(dir, fmt.Sprintf("%02d.xml", i)), strings.Repeat("x", 2_500_000))
	}
	a := stub(func(_ context.Context, docs []intake.Document) ([]intake.Admission, error) {
		total := 0
		for _, d := range docs {
			total += len(d.Data)
		}
		if total > 11_000_000 {
			t.Errorf("%d documents of together %d bytes came in one call, want 11 MB at most", len(docs), total)
		}
		return takeAll(docs), nil
	})
	n := 0
	found := intake.Read(t.Context(), []string{dir}, intake.Options{})
	err := intake.Run(t.Context(), a, found, intake.Terms{}, func(adms []intake.Admission) {
		for _, adm := range adms {
			if want := filepath.Join(dir, fmt.Sprintf("%02d.xml", n)); adm.File != want || adm.Err != nil {
				t.Errorf("outcome %d is %+v, want that of %s", n, adm, want)
			}
			n++
		}
	})
	if err != nil || n != 12 {
		t.Errorf("%d documents were admitted, %v, want 12", n, err)
	}
}
