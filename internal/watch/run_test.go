package watch

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"ksefworker/internal/ledger"
)

// until waits for a condition while a watch runs.
func (s *site) until(what string, holds func() bool) {
	s.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			s.t.Fatalf("20 seconds have passed without this: %s; the folder has %v", what, s.tree())
		}
	}
}

func (s *site) there(name string) func() bool {
	return func() bool {
		_, err := os.Stat(filepath.Join(s.dir, name))
		return err == nil
	}
}

// running starts a watch with the real clock. When poll is an hour, only the system's notices can
// wake the watch.
func (s *site) running(poll time.Duration) (stop func() error) {
	s.o.Now, s.o.Settle, s.o.Poll = time.Now, 20*time.Millisecond, poll
	w := s.start()
	ctx, cancel := context.WithCancel(s.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	return func() error { cancel(); err := <-ended; s.end(); return err }
}

func TestRun_FilesComeAndAreDecided_TheFolderFollowsByItself(t *testing.T) {
	for name, poll := range map[string]time.Duration{"notices": time.Hour, "looking": 20 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			stop := s.running(poll)
			s.put("first/a.xml", xmlOf(0, "FV/1"))
			s.until("a new subfolder", s.there("taken/first/a.xml"))
			s.must(os.WriteFile(filepath.Join(s.dir, "first", "b.xml.part"), xmlOf(0, "FV/2"), 0o600))
			s.must(os.Rename(filepath.Join(s.dir, "first", "b.xml.part"), filepath.Join(s.dir, "first", "b.xml")))
			s.until("a file that is renamed into place", s.there("taken/first/b.xml"))
			s.until("both are in the ledger", func() bool { return s.entries() == 2 })
			s.settle("FV/1", ledger.Receipted)
			s.until("the receipt", s.there("accepted/first/a.xml.upo.xml"))
			s.until("the file", s.there("accepted/first/a.xml"))
			if err := stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestRun_FolderIsReplacedByAnother_Ends(t *testing.T) {
	s := newSite(t)
	s.passes(1)
	s.must(os.Rename(s.dir, s.dir+".old"))
	s.must(os.Mkdir(s.dir, 0o700))
	if err := s.w.Run(t.Context()); !errors.Is(err, errReplaced) {
		t.Errorf("the watch ended with %v, want errReplaced", err)
	}
}

func TestRunOnce_EverythingIsDecidedOrWaitsForAPerson_Ends(t *testing.T) {
	s := newSite(t)
	s.o.Now, s.o.Settle = time.Now, time.Millisecond
	s.put("bad.xml", []byte("<x></Faktura>"))
	s.must(os.Symlink("bad.xml", filepath.Join(s.dir, "link.xml")))
	w := s.start()
	waiting, err := w.RunOnce(t.Context())
	if err != nil || waiting != 1 || w.Decided[refused] != 1 {
		t.Errorf("RunOnce says that %d files wait; the decided files are %v (error %v): want 1, and one refused", waiting, w.Decided, err)
	}
	s.must(os.Remove(filepath.Join(s.dir, "link.xml")))
	s.put("b.xml", xmlOf(0, "FV/1"))
	done := make(chan int)
	go func() {
		n, _ := w.RunOnce(t.Context())
		done <- n
	}()
	s.until("b.xml is handed in", func() bool { return s.entries() == 1 })
	select {
	case <-done:
		t.Fatal("RunOnce ended before the invoice was decided")
	default:
	}
	s.settle("FV/1", ledger.Accepted)
	if n := <-done; n != 0 || w.Decided[accepted] != 1 {
		t.Errorf("RunOnce says that %d files wait; the decided files are %v: want none, and one accepted", n, w.Decided)
	}
}

// The XML of a JSON invoice comes after the pass has looked for this XML, and before the watch asks
// whether anything is left to do.
func TestRunOnce_XMLComesAtTheEndOfAPass_EndsOnlyWhenItIsHandedIn(t *testing.T) {
	s := newSite(t)
	s.o.Now, s.o.Settle = time.Now, time.Millisecond
	asked := make(chan struct{})
	s.o.Generate = func(ctx context.Context, tenant string, faktura []byte) ([]byte, error) {
		<-asked
		return generate(ctx, tenant, faktura)
	}
	s.put("x.xml", xmlOf(0, "FV/1"))
	s.put("j.json", fakturaOf("FV/2"))
	w := s.start()
	for s.entries() == 0 {
		_, err := w.pass(t.Context())
		s.must(err)
	}
	close(asked) // the pass is over, and the watch would ask idle next
	for w.submitter.documents.maker.busy() {
		time.Sleep(time.Millisecond)
	}
	s.settle("FV/1", ledger.Accepted)
	if w.idle() {
		t.Error("idle says that nothing is left to do, but an invoice is not handed in yet")
	}
	done := make(chan int)
	go func() {
		n, _ := w.RunOnce(t.Context())
		done <- n
	}()
	s.until("j.json is handed in", func() bool { return s.entries() == 2 })
	s.settle("FV/2", ledger.Accepted)
	if n := <-done; n != 0 || w.Decided[accepted] != 2 {
		t.Errorf("RunOnce says that %d files wait; the decided files are %v: want none, and two accepted", n, w.Decided)
	}
}
