package pack_test

import (
	"iter"
	"runtime"
	"runtime/metrics"
	"testing"
	"time"

	"ksefworker/internal/pack"
)

// watchHeap samples the bytes of heap objects each millisecond. Dead objects count until they are
// collected. peak stops the sampling. It returns by how many bytes the highest sample exceeded the
// value at the start.
func watchHeap() (peak func() uint64) {
	const heap = "/memory/classes/heap/objects:bytes"
	runtime.GC()
	sample := []metrics.Sample{{Name: heap}}
	metrics.Read(sample)
	base, highest := sample[0].Value.Uint64(), uint64(0)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			metrics.Read(sample)
			if now := sample[0].Value.Uint64(); now > base {
				highest = max(highest, now-base)
			}
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	}()
	return func() uint64 {
		close(stop)
		<-done
		return highest
	}
}

func TestBuild_Heap_StaysFlat(t *testing.T) {
	const limit = 64 << 20
	for _, c := range []struct {
		why  string
		make func() (*pack.Package, error)
	}{
		{"a full session: 10,000 invoices of 8 kB", func() (*pack.Package, error) {
			return pack.Build(t.Context(), plainInvoices(10_000), pack.Options{Dir: t.TempDir(), Encrypter: sealCBC, Level: 1})
		}},
		{"300 MB that do not compress, in seven parts", func() (*pack.Package, error) {
			return pack.Build(t.Context(), noise(300_000_000, 2_500_000), pack.Options{Dir: t.TempDir(), Encrypter: sealCBC})
		}},
	} {
		peak := watchHeap()
		p, err := c.make()
		got := peak()
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: peak %d kB, %d parts, %d bytes", c.why, got>>10, len(p.Parts), p.Size)
		if got > limit {
			t.Errorf("%s: peak heap %d MB, want at most %d", c.why, got>>20, limit>>20)
		}
		if err := p.Remove(); err != nil {
			t.Error(err)
		}
	}
}

func build(t testing.TB, entries iter.Seq2[pack.Entry, error], o pack.Options) *pack.Package {
	t.Helper()
	p, err := pack.Build(t.Context(), entries, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
