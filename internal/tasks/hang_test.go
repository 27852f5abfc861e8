package tasks_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"ksefworker/internal/archive"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/retry"
	"ksefworker/internal/simulator"
)

// awayStore is a network folder that does not answer. Until the folder is back, each call of the
// methods below blocks in the system, whatever its context says.
type awayStore struct {
	archive.Store
	back chan struct{}
	mu   sync.Mutex
	held int
}

func (a *awayStore) wait() {
	a.mu.Lock()
	a.held++
	a.mu.Unlock()
	<-a.back
}

func (a *awayStore) calls() int { a.mu.Lock(); defer a.mu.Unlock(); return a.held }

func (a *awayStore) Get(ctx context.Context, name string) ([]byte, error) {
	a.wait()
	return a.Store.Get(ctx, name)
}

func (a *awayStore) Put(ctx context.Context, name string, data []byte, kind string) error {
	a.wait()
	return a.Store.Put(ctx, name, data, kind)
}

func (a *awayStore) Replace(ctx context.Context, name string, data []byte, kind string) error {
	a.wait()
	return a.Store.Replace(ctx, name, data, kind)
}

func (a *awayStore) Flush(ctx context.Context, names ...string) error {
	a.wait()
	return a.Store.Flush(ctx, names...)
}

func (a *awayStore) Check(ctx context.Context) error { a.wait(); return a.Store.Check(ctx) }

// A network folder does not answer. The first receipt tasks come back after a timeout, and later
// ones at once. Everything that does not need the archive goes on. When the folder is back, the
// rest follows.
func TestArchive_FolderHangs_TasksComeBackAndOtherWorkGoesOn(t *testing.T) {
	s := newStage(t, simulator.Options{})
	w := s.worker("w", s.client())
	stored := s.admit(ledger.Bulk, incompressible(s.nip(), 1))
	var pkgs []string
	for _, n := range []string{"A/1", "A/2", "A/3", "A/4"} {
		pkg, _ := s.settledPackage(w, n)
		pkgs = append(pkgs, pkg)
	}
	sound := s.store
	hung := &awayStore{Store: sound, back: make(chan struct{})}
	s.store = archive.Guard(hung, archive.Options{Timeout: 50 * time.Millisecond})
	w = s.worker("w2", s.client())
	for _, pkg := range pkgs {
		began := time.Now()
		err := w.run(queue.KindReceipt, pkg)
		v := retry.Judge(err)
		if v.Action != retry.Later || v.Reason != retry.ReasonArchive || v.Delay <= 0 || !strings.Contains(err.Error(), "archive") {
			t.Errorf("the verdict on a receipt task is %+v, want later because of the archive: %v", v, err)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("the task took %v, want at most 5s", took)
		}
	}
	if h := archive.HealthOf(s.store); !h.OutOfService {
		t.Errorf("the archive's health is %+v after %d calls, want out of service", h, hung.calls())
	}
	before := hung.calls()
	if v := retry.Judge(w.run(queue.KindReceipt, pkgs[0])); v.Reason != retry.ReasonArchive || hung.calls() > before+1 {
		t.Errorf("while the archive is out of service, the verdict is %+v after %d more calls, want a fault of the archive after one at most",
			v, hung.calls()-before)
	}
	// A document that is too large for Redis lies in the archive. So its package waits, and its
	// invoice is not parked.
	big := w.cut(stored.ID)
	if v := retry.Judge(w.run(queue.KindPackage, big)); v.Action != retry.Later || v.Reason != retry.ReasonArchive {
		t.Errorf("the verdict on the package of a large document is %+v, want later because of the archive", v)
	}
	if got := s.read(stored.ID); got.State != ledger.Packed {
		t.Errorf("the invoice of the large document is %s, want packed: %s", got.State, got.Reason)
	}
	// A document in Redis needs no archive.
	small := s.admit(ledger.Bulk, s.good("B/1"))
	pkg := w.cut(small.ID)
	w.must(queue.KindPackage, pkg)
	w.until(queue.KindConfirm, pkg, func() bool { return s.read(small.ID).State == ledger.Accepted })

	close(hung.back)
	for _, pkg := range append(pkgs, pkg) {
		w.receipt(pkg)
	}
	w.until(queue.KindPackage, big, func() bool { return s.pkg(big).State != ledger.PackageCut })
}
