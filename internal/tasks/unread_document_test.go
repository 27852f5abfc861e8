package tasks_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ksefworker/internal/archive"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/simulator"
)

// unreadableStore is an archive in which some objects cannot be read. While away is set, it is out
// of reach. Workers use it through [archive.Guard], as they use every archive.
type unreadableStore struct {
	archive.Store
	names map[string]bool
	away  bool
}

// unreadable wraps the archive of the workers that are made later. In the wrapped archive, the
// documents of invs cannot be read.
func (fa *failures) unreadable(invs ...ledger.Invoice) *unreadableStore {
	u := &unreadableStore{Store: fa.store, names: map[string]bool{}}
	for _, inv := range invs {
		u.names[archive.BodyName(inv.ID)] = true
	}
	fa.store = archive.Guard(u, archive.Options{})
	return u
}

func (u *unreadableStore) Get(ctx context.Context, name string) ([]byte, error) {
	switch {
	case u.away:
		return nil, syscall.EHOSTUNREACH
	case u.names[name]:
		return nil, errors.New("500 internal error for this object")
	}
	return u.Store.Get(ctx, name)
}

func (u *unreadableStore) Check(ctx context.Context) error {
	if u.away {
		return syscall.EHOSTUNREACH
	}
	return u.Store.Check(ctx)
}

// One stored document cannot be read. Its invoice waits with a reason, and the other invoice of the
// package is sent at once. When the document can be read again, its invoice is sent.
func TestBuild_OneStoredDocumentCannotBeRead_ItWaitsAndTheOthersGo(t *testing.T) {
	for _, how := range []string{"folder in its place", "500 for this object"} {
		t.Run(how, func(t *testing.T) {
			s := newStage(t, simulator.Options{})
			large := s.admit(ledger.Bulk, s.large("A/3", 3))
			small := s.admit(ledger.Bulk, s.good("A/1"))
			var repair func()
			if how == "500 for this object" {
				u := s.unreadable(large)
				repair = func() { clear(u.names) }
			} else {
				path := filepath.Join(s.archiveFolder(), archive.BodyName(large.ID))
				aside := path + ".aside"
				if err := errors.Join(os.Rename(path, aside), os.MkdirAll(path, 0o700)); err != nil {
					t.Fatal(err)
				}
				repair = func() {
					if err := errors.Join(os.Remove(path), os.Rename(aside, path)); err != nil {
						t.Fatal(err)
					}
				}
			}
			w := s.worker("w", s.client())
			pkg := w.together(large, small)
			w.must(queue.KindPackage, pkg)
			if got := s.pkg(pkg); got.State != ledger.PackageProcessing || got.Count != 1 || got.Size != small.Size {
				t.Fatalf("the package is %+v, want processing with the other invoice", got)
			}
			waits := s.read(large.ID)
			const reason = "its stored document cannot be read"
			if waits.State != ledger.Packed || waits.Package == pkg || !strings.Contains(waits.Reason, reason) {
				t.Fatalf("the invoice of the unreadable document is %s in %s (%s), want packed in a package of its own with a reason",
					waits.State, waits.Package, waits.Reason)
			}
			if err := w.run(queue.KindPackage, waits.Package); err == nil || s.read(large.ID).Rev != waits.Rev {
				t.Errorf("the invoice of the unreadable document does not wait untouched: %v", err)
			}
			repair()
			w.must(queue.KindPackage, waits.Package)
			for _, id := range []string{pkg, waits.Package} {
				w.settle(id)
			}
			for _, inv := range []ledger.Invoice{large, small} {
				if got := s.read(inv.ID); got.State != ledger.Accepted || got.Reason != "" {
					t.Errorf("%s is %s with the reason %q, want accepted without a reason", got.Number, got.State, got.Reason)
				}
			}
		})
	}
}

// A package has more unreadable documents than one build tries, and they come first. The guard of
// the archive does not take that for an outage. The other documents are sent within three builds.
func TestBuild_ManyStoredDocumentsCannotBeRead_TheOthersGo(t *testing.T) {
	s := newStage(t, simulator.Options{})
	var sick, all []ledger.Invoice
	for i := range 10 {
		sick = append(sick, s.admit(ledger.Bulk, s.large(fmt.Sprint("A/", i), uint64(i+1))))
	}
	well := []ledger.Invoice{s.admit(ledger.Bulk, s.large("B/1", 20)), s.admit(ledger.Bulk, s.good("B/2"))}
	s.unreadable(sick...)
	w := s.worker("w", s.client())
	all = append(append(all, sick...), well...)
	pkg := w.together(all...)
	for range 3 {
		if w.run(queue.KindPackage, pkg) == nil {
			break
		}
		s.advance(time.Minute)
	}
	if h := archive.HealthOf(s.store); h.OutOfService {
		t.Errorf("the archive counts as out of service: %+v", h)
	}
	for _, inv := range well {
		if got := s.read(inv.ID); got.State != ledger.Sent || got.Package != pkg {
			t.Errorf("%s is %s in %s, want sent in %s", got.Number, got.State, got.Package, pkg)
		}
	}
	for _, inv := range sick {
		if got := s.read(inv.ID); got.State != ledger.Packed || got.Reason == "" {
			t.Errorf("%s is %s (%q), want packed with a reason", got.Number, got.State, got.Reason)
		}
	}
}

// The archive is out of reach. The package waits for the archive with all its invoices.
func TestBuild_ArchiveIsAway_ThePackageWaitsWholeAndNothingIsParked(t *testing.T) {
	for _, n := range []int{1, 4} {
		s := newStage(t, simulator.Options{})
		invs := []ledger.Invoice{s.admit(ledger.Bulk, s.good("A/1"))}
		for i := range n {
			invs = append(invs, s.admit(ledger.Bulk, s.large(fmt.Sprint("B/", i), uint64(i+1))))
		}
		u := s.unreadable()
		u.away = true
		w := s.worker("w", s.client())
		pkg := w.together(invs...)
		for range 5 {
			if err := w.run(queue.KindPackage, pkg); err == nil {
				t.Fatal("the package was built without the archive")
			}
			s.advance(time.Minute)
		}
		for _, inv := range invs {
			if got := s.read(inv.ID); got.State != ledger.Packed || got.Package != pkg || got.Reason != "" {
				t.Errorf("%s is %s in %s (%q), want packed in %s without a reason", got.Number, got.State, got.Package, got.Reason, pkg)
			}
		}
		u.away = false
		s.eventually("the package is sent", func() bool { return w.run(queue.KindPackage, pkg) == nil })
		if got := s.pkg(pkg); got.State != ledger.PackageProcessing || got.Count != len(invs) || len(s.sim.Books().Sessions) != 1 {
			t.Errorf("the package is %+v after %d sessions, want all invoices in one session", got, len(s.sim.Books().Sessions))
		}
	}
}
