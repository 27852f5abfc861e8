package tasks_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"ksefworker/internal/archive"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
	"ksefworker/internal/tasks"
)

// weighingStore measures the live heap in the middle of a handler, at every fourth document that is
// read or written.
type weighingStore struct {
	archive.Store
	mu       sync.Mutex
	seen     int
	base     uint64
	maxBytes uint64
}

func (w *weighingStore) begin() { w.seen, w.maxBytes, w.base = 0, 0, liveHeap() }

func liveHeap() uint64 {
	runtime.GC()
	runtime.GC() // frees what sync.Pool kept during the first collection
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func (w *weighingStore) weigh() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seen++; w.seen%4 != 0 {
		return
	}
	if now := liveHeap(); now > w.base {
		w.maxBytes = max(w.maxBytes, now-w.base)
	}
}

func (w *weighingStore) Put(ctx context.Context, name string, data []byte, kind string) error {
	err := w.Store.Put(ctx, name, data, kind)
	if strings.HasSuffix(name, ".xml") {
		w.weigh()
	}
	runtime.KeepAlive(data)
	return err
}

func (w *weighingStore) Get(ctx context.Context, name string) ([]byte, error) {
	data, err := w.Store.Get(ctx, name)
	if strings.HasPrefix(name, "bodies/") {
		w.weigh()
	}
	return data, err
}

// A package may have any number of invoices of 2.9 MB. Neither its build nor its receipt task holds
// more than a few of them in memory. With 256 invoices the figures are the same. In one case all
// documents lie in Redis because they compress well, in the other all lie in the archive.
func TestMemory_PackageOf3MBInvoices_BuildAndReceiptStayBelow24MB(t *testing.T) {
	const bound = 24 << 20
	for name, c := range map[string]struct {
		invoices int
		archived bool
		make     func(nip string, n int) []byte
	}{
		"14 in Redis": {14, false, func(nip string, n int) []byte {
			return sample.Invoice(sample.Options{
				SellerNIP: nip, Number: fmt.Sprint("R/", n), IssueDate: invoice.Today(time.Now()),
				Attachment: true, PadTo: 2_900_000, Seed: uint64(n),
			})
		}},
		"14 in the archive": {14, true, incompressible},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, simulator.Options{})
			weighing := &weighingStore{Store: s.store}
			s.store = weighing
			w := s.worker("w", s.client(), func(o *tasks.Options) { o.PartSize = 50_000_000 })
			var ids []string
			for i := range c.invoices {
				inv := s.admit(ledger.Bulk, c.make(s.nip(), i))
				if inv.BodyArchived != c.archived {
					t.Fatalf("the document is in the archive: %v, want the opposite", inv.BodyArchived)
				}
				ids = append(ids, inv.ID)
			}
			for _, id := range ids[1:] {
				w.must(queue.KindSubmit, id)
			}
			pkg := w.cut(ids[0])
			weighing.begin()
			w.must(queue.KindPackage, pkg)
			if c.archived { // the store sees what is read from the archive
				t.Logf("a build reads %d documents and holds at most %d MB", weighing.seen, weighing.maxBytes>>20)
				if weighing.maxBytes > bound || weighing.seen < c.invoices {
					t.Errorf("a build reads %d documents and holds %d MB, want all documents and at most %d MB",
						weighing.seen, weighing.maxBytes>>20, bound>>20)
				}
			}
			s.eventually("the package is settled", func() bool {
				_ = w.run(queue.KindConfirm, pkg)
				return s.pkg(pkg).State == ledger.PackageSettled
			})
			weighing.begin()
			w.must(queue.KindReceipt, pkg)
			t.Logf("a receipt task reads and writes %d documents and holds at most %d MB", weighing.seen, weighing.maxBytes>>20)
			if weighing.maxBytes > bound || weighing.seen < c.invoices {
				t.Errorf("a receipt task reads and writes %d documents and holds %d MB, want all documents and at most %d MB",
					weighing.seen, weighing.maxBytes>>20, bound>>20)
			}
		})
	}
}

// The receipt of a full session has ten thousand lines.
func TestMemory_ReceiptOf10000Lines_StaysBelow16MB(t *testing.T) {
	var b strings.Builder
	b.WriteString(`<Potwierdzenie xmlns="http://upo.schematy.mf.gov.pl/KSeF/v4-3"><NumerReferencyjnySesji>s</NumerReferencyjnySesji>`)
	for i := range 10_000 {
		fmt.Fprintf(&b, "<Dokument><NipSprzedawcy>5265877635</NipSprzedawcy>"+
			"<NumerKSeFDokumentu>5265877635-20261123-%012X-AF</NumerKSeFDokumentu><NumerFaktury>FV/2026/%d</NumerFaktury>"+
			"<SkrotDokumentu>%043d=</SkrotDokumentu>"+
			"<DataNadaniaNumeruKSeF>2026-11-23T10:00:00+01:00</DataNadaniaNumeruKSeF></Dokument>", i, i, i)
	}
	b.WriteString(`</Potwierdzenie>`)
	raw := []byte(b.String())
	base := liveHeap()
	r, err := ksef.ParseReceipt(raw)
	live := liveHeap() - base
	if err != nil || len(r.Lines) != 10_000 {
		t.Fatalf("the receipt has %d lines, want 10,000: %v", len(r.Lines), err)
	}
	t.Logf("the receipt has %d kB of XML and takes %d kB in memory", len(raw)>>10, live>>10)
	if live > 16<<20 {
		t.Errorf("the parsed receipt holds %d MB, want at most 16", live>>20)
	}
	runtime.KeepAlive(raw)
	runtime.KeepAlive(r)
}
