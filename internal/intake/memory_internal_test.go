package intake

import (
	"context"
	"iter"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/tasks"
)

// tracking admits slowly and counts the bytes that are in memory: from the moment in which a
// document is made until its call is over.
type tracking struct {
	mu           sync.Mutex
	now, most    int
	calls, depth int
}

func (k *tracking) made(n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.now += n
	k.most = max(k.most, k.now)
}

func (k *tracking) Admit(_ context.Context, docs []tasks.Document, _ tasks.Terms) ([]tasks.Admission, error) {
	k.mu.Lock()
	k.calls++
	k.depth = max(k.depth, k.calls)
	k.mu.Unlock()
	time.Sleep(time.Second) // in a bubble: until everybody else stands still
	out := make([]tasks.Admission, len(docs))
	k.mu.Lock()
	defer k.mu.Unlock()
	k.calls--
	for i, d := range docs {
		out[i] = tasks.Admission{File: d.File, Taken: ledger.Created}
		k.now -= len(d.Data)
	}
	return out, nil
}

// A machine of many cores takes in thousands of the largest documents: files, entries of archives,
// and both in turns. Its memory is bounded in bytes, and nobody waits for ever.
func TestRun_ManyLargeDocumentsOnManyCores_MemoryIsBoundedInBytes(t *testing.T) {
	manyLarge(t, invoice.MaxSize)
}

// The largest that a tenant's limit may be raised to.
func TestRun_ManyDocumentsOfARaisedLimit_MemoryIsBoundedInBytes(t *testing.T) {
	manyLarge(t, 20_000_000)
}

func manyLarge(t *testing.T, size int) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(64))
	document := make([]byte, size)
	for name, isFile := range map[string]func(i int) bool{
		"files":             func(int) bool { return true },
		"entries":           func(int) bool { return false },
		"in turns":          func(i int) bool { return i%2 == 0 },
		"some of each kind": func(i int) bool { return i/30%2 == 0 },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var k tracking
				items := iter.Seq[Item](func(yield func(Item) bool) {
					for i := range 2000 {
						it := Item{File: "x.xml"}
						if isFile(i) {
							it.most = int64(size)
							it.load = func(*room) ([]byte, error) { k.made(len(document)); return document, nil }
						} else {
							k.made(len(document))
							it.Data = document
						}
						if !yield(it) {
							return
						}
					}
				})
				n := 0
				if err := Run(t.Context(), &k, items, tasks.Terms{}, func(a []tasks.Admission) { n += len(a) }); err != nil || n != 2000 {
					t.Fatalf("%d reported, %v", n, err)
				}
				// One more is unpacked by the time that it waits for its turn.
				if k.most > documentBytes+size {
					t.Errorf("%d MB in memory, want at most %d", k.most>>20, documentBytes>>20)
				}
				if k.depth < min(3, documentBytes/size) {
					t.Errorf("only %d calls at a time", k.depth)
				}
			})
		})
	}
}
