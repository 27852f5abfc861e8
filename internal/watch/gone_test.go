package watch

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"ksefworker/internal/ledger"
)

// A program removes its folder as soon as its files are taken. The files are handed in with the
// settings that the folder had.
func TestWatch_FolderIsRemovedWhileItsFilesWait_ItsSettingsCount(t *testing.T) {
	s := newSite(t)
	s.put("run1/.ksef.yaml", []byte("ref: name\noffline: true\n"))
	s.put("run1/SO-1.xml", xmlOf(0, "FV/1"))
	s.put("run1/deep/SO-2.xml", xmlOf(0, "FV/2"))
	s.put("run1/n.zip", zipOf(t, entry{"SO-3.xml", string(xmlOf(0, "FV/3"))}))
	s.put("plain/SO-4.xml", xmlOf(0, "FV/4"))
	unfit := errors.New("a person has drained it")
	s.o.Fit = func() error { return unfit }
	s.passes(5)
	for _, dir := range []string{"run1", "plain"} {
		s.must(os.RemoveAll(filepath.Join(s.dir, dir)))
	}
	s.end() // another process goes on
	s.start()
	unfit = nil
	s.passes(5)
	for number, ref := range map[string]string{"FV/1": "SO-1", "FV/2": "SO-2", "FV/3": "SO-3", "FV/4": ""} {
		ids, err := s.ledger.ByNumber(t.Context(), number)
		s.must(err)
		if len(ids) != 1 {
			t.Fatalf("the number %s finds %v in the ledger, want one invoice", number, ids)
		}
		inv, err := s.ledger.Invoice(t.Context(), ids[0])
		s.must(err)
		if inv.Ref != ref || inv.Offline != (ref != "") {
			t.Errorf("%s has the ref %q and offline %v, want %q and %v, which were the settings of its folder",
				number, inv.Ref, inv.Offline, ref, ref != "")
		}
		s.settle(number, ledger.Receipted)
	}
	// Settings that nobody needs are removed. A later folder of the same name has only settings of
	// its own.
	s.passes(5)
	s.clock = s.clock.Add(2 * time.Minute)
	s.put("run1/SO-5.xml", xmlOf(0, "FV/5"))
	s.passes(5)
	ids, err := s.ledger.ByNumber(t.Context(), "FV/5")
	s.must(err)
	if inv, err := s.ledger.Invoice(t.Context(), ids[0]); err != nil || inv.Ref != "" || inv.Offline {
		t.Errorf("the invoice of the new folder is %+v (error %v), want neither a ref nor offline", inv.Facts, err)
	}
	if left, err := os.ReadDir(filepath.Join(s.dir, keptDir)); err == nil && len(left) > 0 {
		t.Errorf("the settings %v are kept, want none, because nobody needs them", left)
	}
}

// A person removes a file from taken/. Its outcome is written without the file, and the watch goes
// on.
func TestWatch_FileIsRemovedFromTaken_ItsOutcomeIsWrittenWithoutIt(t *testing.T) {
	s := newSite(t)
	s.put("a.xml", xmlOf(0, "FV/1"))
	s.put("b.xml", xmlOf(0, "FV/2"))
	s.passes(3)
	s.must(os.Remove(filepath.Join(s.dir, "taken", "a.xml")))
	s.settle("FV/1", ledger.Receipted)
	s.settle("FV/2", ledger.Receipted)
	s.passes(3)
	s.wantTree("accepted/a.xml.json", "accepted/a.xml.upo.xml", "accepted/b.xml", "accepted/b.xml.json", "accepted/b.xml.upo.xml")
	if n, err := s.w.RunOnce(t.Context()); n != 0 || err != nil {
		t.Errorf("RunOnce says that %d files wait (error %v), want none", n, err)
	}
}
