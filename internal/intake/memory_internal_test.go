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
)

// tracking admits slowly and counts the bytes in memory. A document counts from the moment it is
// made until the call of Admit that got it is over.
type tracking struct {
	mu           sync.Mutex
	now, peak    int
	calls, depth int
}

func (k *tracking) made(n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.now += n
	k.peak = max(k.peak, k.now)
}

func (k *tracking) Admit(_ context.Context, docs []Document, _ Terms) ([]Admission, error) {
	k.mu.Lock()
	k.calls++
	k.depth = max(k.depth, k.calls)
	k.mu.Unlock()
	time.Sleep(time.Second) // on the clock of synctest: the sleep ends when all other goroutines are blocked
	out := make([]Admission, len(docs))
	k.mu.Lock()
	defer k.mu.Unlock()
	k.calls--
	for i, d := range docs {
		out[i] = Admission{File: d.File, Taken: ledger.Created}
		k.now -= len(d.Data)
	}
	return out, nil
}

// A machine with many cores takes in thousands of the largest documents, as files, as entries of
// archives, and as both in turn. Its memory is bounded in bytes, and no goroutine waits for ever.
func TestRun_ManyLargeDocumentsOnManyCores_MemoryIsBoundedInBytes(t *testing.T) {
	manyLarge(t, invoice.MaxSize)
}

// A tenant's limit for the size of a document can be raised to 20 MB at most. The memory is bounded
// for documents of that size too.
func TestRun_ManyDocumentsOfARaisedLimit_MemoryIsBoundedInBytes(t *testing.T) {
	manyLarge(t, 20_000_000)
}

// manyLarge admits 2,000 documents of one size with 64 processors.
func manyLarge(t *testing.T, size int) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(64))
	document := make([]byte, size)
	for name, isFile := range map[string]func(i int) bool{
		"files":             func(int) bool { return true },
		"entries":           func(int) bool { return false },
		"in turn":           func(i int) bool { return i%2 == 0 },
		"some of each kind": func(i int) bool { return i/30%2 == 0 },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var k tracking
				items := iter.Seq[Item](func(yield func(Item) bool) {
					for i := range 2000 {
						it := Item{File: "x.xml"}
						if isFile(i) {
							it.maxBytes = int64(size)
							it.load = func(*buffer) ([]byte, error) { k.made(len(document)); return document, nil }
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
				err := Run(t.Context(), &k, items, Terms{}, func(a []Admission) { n += len(a) })
				if err != nil || n != 2000 {
					t.Fatalf("%d outcomes were reported, %v, want 2000", n, err)
				}
				// One more document may be unpacked already while it waits for memory.
				if k.peak > documentBytes+size {
					t.Errorf("%d MB in memory, want at most %d", k.peak>>20, (documentBytes+size)>>20)
				}
				if k.depth < min(3, documentBytes/size) {
					t.Errorf("%d calls ran at the same time, want %d at least", k.depth, min(3, documentBytes/size))
				}
			})
		})
	}
}
