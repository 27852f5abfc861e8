package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// smallHeap is how much memory the Go runtime may have, in bytes, while less than two thirds of it
// live. A worker's live heap is 10 MB at rest and 45 MB while it archives ten thousand invoices.
// With the 30 MB of the program itself, that stays under 100 MB.
const smallHeap = 64 << 20

// keepHeapSmall makes the collector run before the heap has doubled, for some hundredths of the
// worker's CPU time. The limit grows with what lives: a fixed one would make the collector run
// without end. The settings GOGC and GOMEMLIMIT of the operator win.
func keepHeapSmall() {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	limitHeap()
}

// limitHeap sets the limit now and again after each collection: an object that nothing refers to is
// cleaned up once in each.
func limitHeap() {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	debug.SetMemoryLimit(max(smallHeap, int64(live[0].Value.Uint64())*3/2))
	runtime.AddCleanup(new([16]byte), func(struct{}) { limitHeap() }, struct{}{})
}
