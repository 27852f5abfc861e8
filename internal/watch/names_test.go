//go:build unix

package watch

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ksefworker/internal/ledger"
)

// lost returns the documents that no file of the folder has any more.
func (s *site) lost(documents ...string) (lost []string) {
	s.t.Helper()
	var there []string
	for _, name := range s.tree() {
		there = append(there, s.read(name))
	}
	for _, d := range documents {
		if !slices.Contains(there, d) {
			lost = append(lost, d[:min(len(d), 60)])
		}
	}
	return lost
}

// Each pair is a file, and another one with the name of something that stands beside the first. The
// two come in either order, or together, and are decided in either order.
func TestWatch_NameOfWhatStandsBesideAnother_BothKeepTheirOwnResult(t *testing.T) {
	pairs := [][2]string{{"k.xml", "k.xml.json"}, {"k.xml", "k.xml.upo.xml"}, {"k.json", "k.json.json"}, {"k.json", "k.json.upo.xml"},
		{"k.json", "k.json.xml"}, {"k.json", "k.json.XML"}, {"sub/k.xml", "sub/k.xml.JSON"},
		{"night.zip", "night.zip.json"}, {"night.zip", "night.zip.upo.xml"}}
	for _, pair := range pairs {
		for _, order := range []string{"first", "second", "together"} {
			for _, to := range []ledger.State{ledger.Receipted, ledger.Rejected} {
				t.Run(strings.ReplaceAll(pair[1], "/", "-")+" "+order+" "+string(to), func(t *testing.T) {
					testBeside(t, pair, order, to)
				})
			}
		}
	}
}

func testBeside(t *testing.T, pair [2]string, order string, to ledger.State) {
	s := newSite(t)
	var documents []string
	put := func(i int) {
		number := fmt.Sprint("FV/", i)
		doc := xmlOf(0, number)
		switch name := pair[i]; {
		case isJSON(name):
			doc = fmt.Appendf(nil, `{"Fa":{"P_2":%q}}`, number)
		case isZIP(name): // it is refused as a whole
			doc = zipOf(t, entry{"../x.xml", "x"})
		}
		s.put(pair[i], doc)
		documents = append(documents, string(doc))
	}
	settle := func(i int) {
		if !isZIP(pair[i]) {
			s.settle(fmt.Sprint("FV/", i), to)
		}
		s.passes(3)
	}
	switch order {
	case "first":
		put(0)
		s.passes(3)
		settle(0)
		put(1)
		s.passes(3)
		settle(1)
	case "second":
		put(1)
		s.passes(3)
		settle(1)
		put(0)
		s.passes(3)
		settle(0)
	default:
		put(0)
		put(1)
		s.passes(3)
		settle(1)
		settle(0)
	}
	if lost := s.lost(documents...); len(lost) > 0 {
		t.Errorf("lost: %q of %q", lost, s.tree())
	}
	want := map[string]string{"FV/0": pair[0], "FV/1": pair[1]}
	results := 0
	for _, name := range s.tree() {
		if beside, ok := strings.CutSuffix(name, resultEnd); ok && slices.Contains(s.tree(), beside) {
			results++
			if o := s.result(name); o.Number != "" && o.File != filepath.Join(s.dir, want[o.Number]) {
				t.Errorf("%s is the result of %s, %s", name, o.Number, o.File)
			}
		}
	}
	if results != 2 {
		t.Errorf("%d results of 2: %q", results, s.tree())
	}
	if s.there(waitingName)() {
		t.Error(s.read(waitingName))
	}
}

// Files that lie in the places under such names already, because an earlier build or a person put
// them there.
func TestWatch_NamesOfResultsAreThereAlready_NothingIsOverwritten(t *testing.T) {
	legacy := `{"Fa":{"P_2":"FV/1"}}`
	t.Run("accepted", func(t *testing.T) {
		s := newSite(t)
		s.put("accepted/k.xml.json", []byte(legacy))
		s.put("accepted/k.xml.json.json", []byte("{}"))
		s.put("accepted/l.xml.upo.xml/x.xml", []byte("in a folder"))
		s.put("k.xml", xmlOf(0, "FV/2"))
		s.put("l.xml", xmlOf(0, "FV/3"))
		s.passes(3)
		s.settle("FV/2", ledger.Receipted)
		s.settle("FV/3", ledger.Receipted)
		s.passes(3)
		if lost := s.lost(legacy, "in a folder", string(xmlOf(0, "FV/2")), string(xmlOf(0, "FV/3"))); len(lost) > 0 {
			t.Errorf("lost: %q of %q", lost, s.tree())
		}
		if all := s.tree(); len(all) != 3+3+3 {
			t.Errorf("the folder has %q", all)
		}
	})
	t.Run("taken", func(t *testing.T) {
		s := newSite(t)
		s.put("taken/k.xml.json", []byte(legacy))
		s.put("taken/k.xml", xmlOf(0, "FV/2"))
		s.passes(2)
		s.settle("FV/2", ledger.Receipted)
		s.passes(2)
		for range 5 { // it is told as long as it waits, also while the ledger is not asked
			s.passes(1)
			s.waiting("taken/k.xml: its outcome cannot be written: another file has the name accepted/k.xml.json")
		}
		s.settle("FV/1", ledger.Receipted)
		s.passes(3)
		if lost := s.lost(legacy, string(xmlOf(0, "FV/2"))); len(lost) > 0 {
			t.Errorf("lost: %q of %q", lost, s.tree())
		}
		if o := s.result("accepted/k.xml.json.json"); o.Number != "FV/1" {
			t.Errorf("%+v", o)
		}
	})
	t.Run("a copy of a name", func(t *testing.T) {
		s := newSite(t)
		s.put("taken/k.xml", xmlOf(0, "FV/2"))
		s.put("accepted/k.xml", []byte("another"))
		s.passes(2)
		s.settle("FV/2", ledger.Receipted)
		s.passes(3)
		if lost := s.lost("another", string(xmlOf(0, "FV/2"))); len(lost) > 0 {
			t.Errorf("lost: %q of %q", lost, s.tree())
		}
	})
}

// A person puts a refused file back, and leaves its result where it is.
func TestWatch_FileIsPutBack_ItsOldResultIsNotInTheWay(t *testing.T) {
	s := newSite(t)
	s.put("a.xml", []byte("<x></Faktura>"))
	s.passes(3)
	s.wantTree("refused/a.xml", "refused/a.xml.json")
	s.must(os.Remove(filepath.Join(s.dir, "refused/a.xml")))
	s.put("a.xml", xmlOf(0, "FV/1"))
	s.passes(3)
	s.settle("FV/1", ledger.Accepted)
	s.passes(2)
	s.wantTree("accepted/a.xml", "accepted/a.xml.json")
}

// The name of a refused entry's result is that of a folder of the archive.
func TestWatch_ArchiveWithAFolderNamedAsAResult_IsTaken(t *testing.T) {
	s := newSite(t)
	s.put("n.zip", zipOf(t, entry{"x.txt", "x"}, entry{"x.txt.json/a.xml", "<x></Faktura>"}))
	s.passes(3)
	s.wantTree("unpacked/n.zip", "refused/n.zip/x.txt~2.json", "refused/n.zip/x.txt.json/a.xml", "refused/n.zip/x.txt.json/a.xml.json")
}
