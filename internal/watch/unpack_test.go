//go:build unix

package watch

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
)

// entry is one entry of an archive.
type entry struct{ name, text string }

func zipOf(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	w.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) { return flate.NewWriter(out, flate.BestCompression) })
	for _, e := range entries {
		f, err := w.Create(e.name)
		if err == nil {
			_, err = f.Write([]byte(e.text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestWatch_Archive_EachInvoiceHasItsOwnOutcome(t *testing.T) {
	s := newSite(t)
	night := zipOf(t, entry{"a.xml", string(xmlOf(0, "FV/1"))}, entry{"may/b.xml", string(xmlOf(0, "FV/2"))},
		entry{"bad.xml", "<x></Faktura>"}, entry{"may/readme.txt", "hello"}, entry{"a.xml", string(xmlOf(0, "FV/3"))},
		entry{"f.json", "{}"},
		entry{"a.xml/c.xml", string(xmlOf(0, "FV/4"))}, entry{"x.xml.upo.xml", string(xmlOf(1, "FV/5"))},
		entry{"__MACOSX/._a.xml", "x"}, entry{".hidden.xml", "x"}, entry{"._a.xml", "x"}, entry{strings.Repeat("n", 2000) + ".xml", "x"})
	s.put("sub/night.zip", night)
	s.put("sub/.ksef.yaml", []byte("ref: name\n"))
	s.passes(4)
	s.wantTree("unpacked/sub/night.zip", "taken/sub/night.zip/a.xml", "taken/sub/night.zip/may/b.xml",
		"taken/sub/night.zip/x.xml.upo~.xml", "refused/sub/night.zip/bad.xml", "refused/sub/night.zip/bad.xml.json",
		"refused/sub/night.zip/may~readme.txt.json", "refused/sub/night.zip/~.hidden.xml.json", "refused/sub/night.zip/f.json.json",
		"refused/sub/night.zip/a~2.xml", "refused/sub/night.zip/a~2.xml.json", "refused/sub/night.zip/a.xml~c.xml.json",
		"refused/sub/night.zip/"+entryName(strings.Repeat("n", 1000))+".json")
	s.settle("FV/1", ledger.Receipted)
	s.settle("FV/2", ledger.Rejected)
	s.settle("FV/5", ledger.Receipted)
	s.passes(3)
	s.wantTree("unpacked/sub/night.zip", "refused/sub/night.zip/bad.xml", "refused/sub/night.zip/bad.xml.json",
		"refused/sub/night.zip/may~readme.txt.json", "refused/sub/night.zip/~.hidden.xml.json", "refused/sub/night.zip/f.json.json",
		"refused/sub/night.zip/a~2.xml", "refused/sub/night.zip/a~2.xml.json", "refused/sub/night.zip/a.xml~c.xml.json",
		"refused/sub/night.zip/"+entryName(strings.Repeat("n", 1000))+".json",
		"accepted/sub/night.zip/a.xml", "accepted/sub/night.zip/a.xml.json", "accepted/sub/night.zip/a.xml.upo.xml",
		"accepted/sub/night.zip/x.xml.upo~.xml", "accepted/sub/night.zip/x.xml.upo~.xml.json",
		"accepted/sub/night.zip/x.xml.upo~.xml.upo.xml", "rejected/sub/night.zip/may/b.xml", "rejected/sub/night.zip/may/b.xml.json")
	if _, err := os.Stat(filepath.Join(s.dir, "taken/sub/night.zip")); err == nil {
		t.Error("the empty folder of the archive is still in taken")
	}
	if o := s.result("accepted/sub/night.zip/a.xml.json"); o.Ref != "a" || o.File != filepath.Join(s.dir, "sub/night.zip/a.xml") {
		t.Errorf("the result of the entry a.xml is %+v, want the ref a and the file sub/night.zip/a.xml", o)
	}
	for name, says := range map[string]string{"may~readme.txt": "is not an *.xml entry",
		"a~2.xml":      `ref "a" is already that of`,
		"~.hidden.xml": "has a hidden name", "f.json": "is a .json entry, but an archive may hold only XML; hand in an",
		"a.xml~c.xml":                        "is in a folder that has the name of an earlier entry",
		entryName(strings.Repeat("n", 1000)): "more than 1000 bytes"} {
		if o := s.result("refused/sub/night.zip/" + name + ".json"); o.State != "refused" || !strings.Contains(o.Reason, says) {
			t.Errorf("the result of %s is %+v, want the reason %q", name, o, says)
		}
	}
	if s.read("unpacked/sub/night.zip") != string(night) {
		t.Error("the archive is not what was put there")
	}

	// A folder with the name of an archive is treated like any folder.
	s.put("sub/night.zip/f.xml", xmlOf(0, "FV/8"))
	s.passes(4)
	s.settle("FV/8", ledger.Receipted)
	s.passes(3)
	if o := s.result("accepted/sub/night.zip/f.xml.json"); o.Number != "FV/8" {
		t.Errorf("the result of the invoice in that folder is %+v, want the number FV/8", o)
	}
	s.must(os.RemoveAll(filepath.Join(s.dir, "sub/night.zip")))

	// An archive with the same name and another invoice is another archive.
	s.put("sub/night.zip", zipOf(t, entry{"i.xml", string(xmlOf(0, "FV/9"))}))
	s.passes(4)
	s.settle("FV/9", ledger.Receipted)
	s.passes(3)
	again, err := filepath.Glob(filepath.Join(s.dir, "accepted/sub/night~*.zip/i.xml.json"))
	s.must(err)
	if len(again) != 1 {
		t.Fatalf("the results of the second archive are %v, want one", again)
	}
	rel, _ := filepath.Rel(s.dir, again[0])
	if o := s.result(rel); o.File != filepath.Join(s.dir, "sub/night.zip/i.xml") {
		t.Errorf("the result of the second archive's invoice is %+v, want the file sub/night.zip/i.xml", o)
	}
}

func TestWatch_ArchiveThatCannotBeTaken_IsRefusedAsAWhole(t *testing.T) {
	s := newSite(t)
	one := string(xmlOf(0, "FV/1"))
	good := zipOf(t, entry{"a.xml", one})
	s.put("traversal.zip", zipOf(t, entry{"a.xml", one}, entry{"../../b.xml", one}))
	s.put("absolute.zip", zipOf(t, entry{"a.xml", one}, entry{"/etc/b.xml", one}))
	s.put("backslash.zip", zipOf(t, entry{"a.xml", one}, entry{`..\b.xml`, one}))
	s.put("cut.zip", good[:len(good)-30])
	s.put("damaged.zip", append(bytes.Clone(good[:10]), []byte(zipEnding+strings.Repeat("\x00", 18))...))
	s.put("empty.zip", zipOf(t))
	var bomb []entry
	for range 80 {
		bomb = append(bomb, entry{strings.Repeat("b", len(bomb)+1) + ".xml", strings.Repeat(" ", 1<<20)})
	}
	s.put("bomb.zip", zipOf(t, bomb...))
	s.passes(3)
	s.passes(25) // a file that is cut off is taken after a minute
	var want []string
	for name, says := range map[string]string{"traversal": "leads out of the archive", "absolute": "is an absolute path",
		"backslash": "leads out of the archive", "cut": "is not a readable ZIP archive", "damaged": "holds no *.xml entries",
		"empty": "holds no *.xml entries", "bomb": "looks like a zip bomb"} {
		want = append(want, "refused/"+name+".zip", "refused/"+name+".zip.json")
		if o := s.result("refused/" + name + ".zip.json"); o.State != "refused" || !strings.Contains(o.Reason, says) {
			t.Errorf("the result of %s.zip is %+v, want the reason %q", name, o, says)
		}
	}
	s.wantTree(want...)
	if n := s.entries(); n != 0 {
		t.Errorf("%d invoices of refused archives are in the ledger, want none", n)
	}
	if n := len(s.refusals("")); n != 7 {
		t.Errorf("%d refused archives are on record, want 7", n)
	}
	if left, err := os.ReadDir(filepath.Join(s.dir, unpackedDir)); err != nil || len(left) != 0 {
		t.Errorf("these files are left behind: %v (error %v), want none", left, err)
	}
}

func TestWatch_KilledAtAnyStepOfAnArchive_NothingIsLostOrDoubled(t *testing.T) {
	s := newSite(t)
	url := "redis://" + s.rdb.Options().Addr + "/0"
	lay := func() {
		s.must(s.rdb.FlushAll(t.Context()).Err())
		s.dir = filepath.Join(t.TempDir(), "in")
		s.o.Dir, s.clock = s.dir, monday
		s.put("n.zip", zipOf(t, entry{"a.xml", string(xmlOf(0, "FV/1"))}, entry{"d/b.xml", string(xmlOf(0, "FV/2"))}, entry{"c.txt", "x"}))
	}
	var steps []string
	for step := 1; ; step++ {
		lay()
		killed, at := s.killedAt(step, url)
		if !killed {
			break
		}
		steps = append(steps, at)
		s.passes(5) // the next process, after a restart
		s.settle("FV/1", ledger.Receipted)
		s.settle("FV/2", ledger.Receipted)
		s.passes(3)
		s.end()
		s.wantTree("unpacked/n.zip", "refused/n.zip/c.txt.json", "accepted/n.zip/a.xml", "accepted/n.zip/a.xml.json",
			"accepted/n.zip/a.xml.upo.xml", "accepted/n.zip/d/b.xml", "accepted/n.zip/d/b.xml.json", "accepted/n.zip/d/b.xml.upo.xml")
		if left, _ := os.ReadDir(filepath.Join(s.dir, unpackedDir)); len(left) != 0 || s.entries() != 2 {
			t.Errorf("these files are left behind: %v; the ledger has %d invoices: want none, and 2", left, s.entries())
		}
		if t.Failed() {
			t.Fatal(at)
		}
	}
	for _, want := range []string{"move taken/n.zip", "sync", "write .ksef/unpacked/", "move unpacked/n.zip", "move .ksef/unpacked/",
		"write refused/n.zip/c.txt.json", "remove .ksef/unpacked/"} {
		if !strings.Contains(strings.Join(steps, "\n"), want) {
			t.Errorf("no process was killed at %q of\n%s", want, strings.Join(steps, "\n"))
		}
	}
	t.Logf("killed at %d steps", len(steps))
}

// Systems that write names in capitals write the ending in capitals too.
func TestWatch_ArchivesInCapitals_AreTreatedAlike(t *testing.T) {
	s := newSite(t)
	for _, number := range []string{"FV/1", "FV/2"} {
		s.put("N.ZIP", zipOf(t, entry{"a.xml", string(xmlOf(0, number))}))
		s.passes(4)
	}
	s.settle("FV/1", ledger.Receipted)
	s.settle("FV/2", ledger.Receipted)
	s.passes(3)
	found := 0
	for _, name := range s.tree() {
		if strings.HasPrefix(name, "accepted/N") && strings.HasSuffix(name, ".xml.json") {
			found++
			if o := s.result(name); o.File != filepath.Join(s.dir, "N.ZIP/a.xml") {
				t.Errorf("the result %s names the file %s, want N.ZIP/a.xml", name, o.File)
			}
		}
	}
	if left, err := os.ReadDir(filepath.Join(s.dir, taken)); err != nil || len(left) != 0 || found != 2 {
		t.Errorf("there are %d results, and taken has %v (error %v): want 2, and nothing", found, left, err)
	}
}

// The invoices of an archive wait to be handed in, while the next archive of the same name is still
// being written. The invoices of the first archive do not wait for the second.
func TestWatch_ArchiveOfTheSameNameIsBeingWritten_InvoicesOfTheFirstAreNotHeldUp(t *testing.T) {
	s := newSite(t)
	drained := true
	s.o.Admitter = admits(func(ctx context.Context, docs []intake.Document, terms intake.Terms) ([]intake.Admission, error) {
		if drained {
			return nil, errors.New("not now")
		}
		return s.admit(ctx, docs, terms)
	})
	night := zipOf(t, entry{"a.xml", string(xmlOf(0, "FV/1"))})
	s.put("sub/.ksef.yaml", []byte("lane: bulk\n"))
	s.put("sub/night.zip", night)
	s.passes(3)
	s.put("sub/night.zip", night[:len(night)-30])
	drained = false
	s.passes(4)
	s.wantTree("unpacked/sub/night.zip", "taken/sub/night.zip/a.xml", "sub/night.zip")
	ids, err := s.ledger.ByNumber(t.Context(), "FV/1")
	s.must(err)
	inv, err := s.ledger.Invoice(t.Context(), ids[0])
	if err != nil || inv.Lane != ledger.Bulk {
		t.Errorf("the entry in the ledger is %+v (error %v), want the lane bulk", inv, err)
	}
}

// Windows in Poland writes names into archives in code page 852, and the archive does not say so.
// Two entries of one name are two invoices.
func TestWatch_ArchiveWithNamesOfWindowsOrOneNameTwice_EachInvoiceIsTaken(t *testing.T) {
	s := newSite(t)
	s.put("n.zip", zipOf(t, entry{"FV_\xa5\xbe\xe3.xml", string(xmlOf(0, "FV/1"))}, entry{"FV_\xa5\xbe\xe4.xml", string(xmlOf(0, "FV/2"))},
		entry{"m/twice.xml", string(xmlOf(0, "FV/3"))}, entry{"m/twice.xml", string(xmlOf(0, "FV/4"))}))
	s.passes(4)
	s.wantTree("unpacked/n.zip", "taken/n.zip/FV_ążŃ.xml", "taken/n.zip/FV_ążń.xml", "taken/n.zip/m/twice.xml", "taken/n.zip/m/twice~2.xml")
	if n := s.entries(); n != 4 {
		t.Errorf("%d invoices are handed in, want four", n)
	}
}
