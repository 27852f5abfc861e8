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

// away is a network folder that is away: every call blocks in the system, whatever its context
// says, until it is back.
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

// A network folder is away. Receipt tasks come back in their time, and soon at once; whatever does
// not need the archive goes on; when it is back, everything follows.
func TestArchive_FolderHangs_TasksComeBackAndTheRestGoesOn(t *testing.T) {
	s := newStage(t, simulator.Options{})
	w := s.worker("w", s.client())
	stored := s.admit(ledger.Bulk, large(s.nip(), 1))
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
			t.Errorf("a receipt task is judged %+v: %v", v, err)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("it held its worker for %v", took)
		}
	}
	if h := archive.HealthOf(s.store); !h.Out {
		t.Errorf("health %+v after %d calls", h, hung.calls())
	}
	before := hung.calls()
	if v := retry.Judge(w.run(queue.KindReceipt, pkgs[0])); v.Reason != retry.ReasonArchive || hung.calls() > before+1 {
		t.Errorf("out of service: %+v after %d more calls", v, hung.calls()-before)
	}
	// A large document lies in the archive: its package waits, and no invoice is parked for it.
	big := w.cut(stored.ID)
	if v := retry.Judge(w.run(queue.KindPackage, big)); v.Action != retry.Later || v.Reason != retry.ReasonArchive {
		t.Errorf("the package of a large document is judged %+v", v)
	}
	if got := s.read(stored.ID); got.State != ledger.Packed {
		t.Errorf("it is %s: %s", got.State, got.Reason)
	}
	// What lies in Redis needs no archive.
	small := s.admit(ledger.Bulk, s.good("B/1"))
	pkg := w.cut(small.ID)
	w.must(queue.KindPackage, pkg)
	w.until(queue.KindConfirm, pkg, func() bool { return s.read(small.ID).State == ledger.Accepted })

	close(hung.back)
	for _, pkg := range append(pkgs, pkg) {
		w.until(queue.KindReceipt, pkg, func() bool { return s.pkg(pkg).State == ledger.PackageReceipted })
	}
	w.until(queue.KindPackage, big, func() bool { return s.pkg(big).State != ledger.PackageCut })
}
