package main

import (
	"math"
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

// The memory limit follows the size of the live heap, and leaves so much room that the garbage
// collector does not run all the time.
func TestLimitHeap_HeapGrowsAndShrinks_LimitFollows(t *testing.T) {
	t.Cleanup(func() { debug.SetMemoryLimit(math.MaxInt64) })
	limitHeap()
	becomes := func(what string, ok func(int64) bool) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); ; {
			runtime.GC()
			limit := debug.SetMemoryLimit(-1)
			if ok(limit) {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s, but the limit is still %d MB", what, limit>>20)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	becomes("the heap is small, so the limit must be smallHeap", func(limit int64) bool { return limit == smallHeap })
	large := make([][]byte, 100)
	for i := range large {
		large[i] = make([]byte, 1<<20)
	}
	becomes("the heap has 100 MB, so the limit must be at least 150 MB", func(limit int64) bool { return limit >= 150<<20 })
	runtime.KeepAlive(large)
	large = nil
	becomes("the heap is small again, so the limit must be smallHeap", func(limit int64) bool { return limit == smallHeap })
}
