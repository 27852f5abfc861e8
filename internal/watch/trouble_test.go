package watch

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
)

func TestWatch_FilesThatCannotBeTaken_WaitWithWordsAndConcernNoOther(t *testing.T) {
	s := newSite(t)
	s.put("good.xml", xmlOf(0, "FV/1"))
	s.must(os.Symlink("/etc/passwd", filepath.Join(s.dir, "link.xml")))
	s.must(os.Mkdir(filepath.Join(s.dir, "folder.xml"), 0o700))
	s.put("readonly.xml", xmlOf(0, "FV/2"))
	s.must(os.Chmod(filepath.Join(s.dir, "readonly.xml"), 0o444))
	want := []string{"link.xml", waitingName, "taken/good.xml", "taken/readonly.xml"}
	texts := []string{"link.xml: is a link"}
	if os.Geteuid() != 0 {
		s.put("secret.xml", xmlOf(0, "FV/3"))
		s.must(os.Chmod(filepath.Join(s.dir, "secret.xml"), 0))
		want, texts = append(want, "secret.xml"), append(texts, "secret.xml: cannot be read: no permission")
	}
	s.passes(3)
	s.wantTree(want...)
	s.waiting(texts...)
	s.must(os.Remove(filepath.Join(s.dir, "link.xml")))
	if os.Geteuid() != 0 {
		s.must(os.Chmod(filepath.Join(s.dir, "secret.xml"), 0o400))
	}
	s.passes(3)
	if _, err := os.Stat(filepath.Join(s.dir, waitingName)); err == nil {
		t.Error("nothing waits any more, and the list is still there")
	}
}

func TestWatch_RedisDoesNotAnswer_NothingIsLostAndItGoesOn(t *testing.T) {
	s := newSite(t)
	s.put("a.xml", xmlOf(0, "FV/1"))
	real := s.o.Admitter
	s.o.Admitter = admits(func(context.Context, []intake.Document, intake.Terms) ([]intake.Admission, error) {
		return nil, errors.New("connection refused")
	})
	s.passes(4)
	s.wantTree("taken/a.xml", waitingName)
	s.waiting("taken/a.xml: the ledger does not")
	s.w.o.Admitter = real
	s.passes(3)
	s.wantTree("taken/a.xml")
	if n := s.entries(); n != 1 {
		t.Errorf("the ledger has %d invoices", n)
	}
}

type admits func(context.Context, []intake.Document, intake.Terms) ([]intake.Admission, error)

func (a admits) Admit(ctx context.Context, docs []intake.Document, terms intake.Terms) ([]intake.Admission, error) {
	return a(ctx, docs, terms)
}

func TestWatch_SecondWatchOnTheFolder_IsRefused(t *testing.T) {
	s := newSite(t)
	s.start()
	if _, err := New(s.o); !errors.Is(err, ErrBusy) || !strings.Contains(err.Error(), "process ") {
		t.Errorf("the second watch: %v", err)
	}
	s.end()
	s.start()
}

func TestWatch_LedgerIsLost_FilesOnTheirWayAreHandedInAgain(t *testing.T) {
	s := newSite(t)
	s.put("a.xml", xmlOf(0, "FV/1"))
	s.passes(3)
	s.must(s.rdb.FlushAll(t.Context()).Err())
	s.passes(3)
	s.settle("FV/1", ledger.Receipted)
	s.passes(2)
	s.wantTree("accepted/a.xml", "accepted/a.xml.json", "accepted/a.xml.upo.xml")
}
