package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// smallHeap is the memory limit of the Go runtime, in bytes, while the live heap is less than two
// thirds of it. A worker's live heap is 10 MB at rest and 45 MB while it archives ten thousand
// invoices. Together with the 30 MB of the program itself, smallHeap stays under 100 MB.
const smallHeap = 64 << 20

// keepHeapSmall makes the garbage collector run before the heap has doubled. This costs a few
// percent of the worker's CPU time. The limit grows with the live heap. With a fixed limit, a
// larger live heap would make the collector run without end. The settings GOGC and GOMEMLIMIT of
// the operator win.
func keepHeapSmall() {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	limitHeap()
}

// limitHeap sets the limit at once, and again after each collection. For that it adds a cleanup to
// an object that nothing refers to. The next collection runs the cleanup, which calls limitHeap.
func limitHeap() {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	debug.SetMemoryLimit(max(smallHeap, int64(live[0].Value.Uint64())*3/2))
	runtime.AddCleanup(new([16]byte), func(struct{}) { limitHeap() }, struct{}{})
}
