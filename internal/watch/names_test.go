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

// lost returns the beginning of each of these documents that is in no file of the folder.
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

// Each pair is a file, and a second file whose name the watch would give to the result, the receipt
// or the XML of the first. The two files come in either order or together, and are decided in
// either order.
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
		case isZIP(name): // an archive that is refused as a whole
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
		t.Errorf("the documents %q are lost; the folder has %q", lost, s.tree())
	}
	want := map[string]string{"FV/0": pair[0], "FV/1": pair[1]}
	results := 0
	for _, name := range s.tree() {
		if beside, ok := strings.CutSuffix(name, resultEnd); ok && slices.Contains(s.tree(), beside) {
			results++
			if o := s.result(name); o.Number != "" && o.File != filepath.Join(s.dir, want[o.Number]) {
				t.Errorf("%s is the result of %s and names the file %s, want %s",
					name, o.Number, o.File, filepath.Join(s.dir, want[o.Number]))
			}
		}
	}
	if results != 2 {
		t.Errorf("there are %d results, want one for each of the 2 files; the folder has %q", results, s.tree())
	}
	if s.there(waitingName)() {
		t.Error("a file waits, want none; the list of what waits says", s.read(waitingName))
	}
}

// Files with the names of results and receipts are in the folders accepted and taken already,
// because an earlier build or a person put them there.
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
			t.Errorf("the documents %q are lost; the folder has %q", lost, s.tree())
		}
		if all := s.tree(); len(all) != 3+3+3 {
			t.Errorf("the folder has %q, want the three files that were there, and two files with result and receipt", all)
		}
	})
	t.Run("taken", func(t *testing.T) {
		s := newSite(t)
		s.put("taken/k.xml.json", []byte(legacy))
		s.put("taken/k.xml", xmlOf(0, "FV/2"))
		s.passes(2)
		s.settle("FV/2", ledger.Receipted)
		s.passes(2)
		for range 5 { // the list says so as long as the file waits, even in a pass that does not ask the ledger
			s.passes(1)
			s.waiting("taken/k.xml: its outcome cannot be written: another file has the name accepted/k.xml.json")
		}
		s.settle("FV/1", ledger.Receipted)
		s.passes(3)
		if lost := s.lost(legacy, string(xmlOf(0, "FV/2"))); len(lost) > 0 {
			t.Errorf("the documents %q are lost; the folder has %q", lost, s.tree())
		}
		if o := s.result("accepted/k.xml.json.json"); o.Number != "FV/1" {
			t.Errorf("accepted/k.xml.json.json is not the result of FV/1: %+v", o)
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
			t.Errorf("the documents %q are lost; the folder has %q", lost, s.tree())
		}
	})
}

// A person puts a refused file back, and leaves its result in the folder refused. The watch removes
// that result.
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

// The result of a refused entry would get the name of a folder of the archive, so it gets another
// name.
func TestWatch_ArchiveWithAFolderNamedAsAResult_IsTaken(t *testing.T) {
	s := newSite(t)
	s.put("n.zip", zipOf(t, entry{"x.txt", "x"}, entry{"x.txt.json/a.xml", "<x></Faktura>"}))
	s.passes(3)
	s.wantTree("unpacked/n.zip", "refused/n.zip/x.txt~2.json", "refused/n.zip/x.txt.json/a.xml", "refused/n.zip/x.txt.json/a.xml.json")
}

// A program may give its files names that look like those that a watch makes. The watch must not
// take a part of such a name for its own addition.
func TestWatch_NamesThatLookLikeItsOwn_AreKeptAndAreTheRef(t *testing.T) {
	s := newSite(t)
	s.put("refs/.ksef.yaml", []byte("ref: name\n"))
	names := []string{"refs/FV~20261126T120001.xml", "refs/FV~20261126T120002.xml", "refs/FV~20261126T120002-3.xml",
		"refs/~20261126T120001.xml"}
	for i, name := range names {
		s.put(name, xmlOf(0, fmt.Sprint("FV/", i)))
	}
	s.put("refs/n~20261126T120001.zip", zipOf(t, entry{"FV~20261126T120003.xml", string(xmlOf(0, "FV/4"))}))
	names = append(names, "refs/n~20261126T120001.zip/FV~20261126T120003.xml")
	s.passes(4)
	for i := range names {
		s.settle(fmt.Sprint("FV/", i), ledger.Receipted)
	}
	s.passes(3)
	for _, name := range names {
		stem, _ := strings.CutSuffix(filepath.Base(name), ".xml")
		if o := s.result("accepted/" + name + resultEnd); o.File != filepath.Join(s.dir, name) || o.Ref != stem {
			t.Errorf("the result of %s names the file %s and the ref %q, want this name, and as the ref its stem", name, o.File, o.Ref)
		}
	}
}

// The watch gives these files other names. Together these files show every reason for which the
// watch renames a file. The results name the files as they were put into the folder, even when
// another process writes the results or the ledger was lost.
func TestWatch_FileGetsAnotherName_ResultAndRefHaveTheGivenName(t *testing.T) {
	for _, when := range []string{"at once", "after a restart", "after the ledger was lost", "after both"} {
		t.Run(when, func(t *testing.T) {
			s := newSite(t)
			s.put(".ksef.yaml", []byte("ref: name\n"))
			s.put("n.zip", zipOf(t, entry{"a.xml", string(xmlOf(0, "FV/0"))}))
			s.put("k.xml", []byte("<x></Faktura>"))
			s.passes(4)
			s.settle("FV/0", ledger.Receipted)
			s.passes(3)
			s.must(os.RemoveAll(filepath.Join(s.dir, accepted)))

			long := strings.Repeat("ż", 110)
			given := map[string]string{"FV/1": "k.xml", "FV/2": "k.xml.upo.xml", "FV/3": long + ".xml"}
			for number, name := range given {
				s.put(name, xmlOf(0, number))
			}
			s.put("n.zip", zipOf(t, entry{"b.xml", string(xmlOf(0, "FV/4"))}, entry{"b.xml.upo.xml", string(xmlOf(0, "FV/5"))},
				entry{"b.xml.upo.xml.txt", "x"}))
			given["FV/4"], given["FV/5"] = "n.zip/b.xml", "n.zip/b.xml.upo.xml"
			s.passes(4)
			if strings.HasSuffix(when, "lost") || when == "after both" {
				s.must(s.rdb.FlushAll(t.Context()).Err())
			}
			if when == "after a restart" || when == "after both" {
				s.end()
			}
			s.passes(4)
			for number := range given {
				s.settle(number, ledger.Receipted)
			}
			s.passes(3)
			found := map[string]string{}
			for _, name := range s.tree() {
				if strings.HasPrefix(name, accepted) && strings.HasSuffix(name, resultEnd) {
					o := s.result(name)
					found[o.Number] = o.File
					if ref := strings.TrimSuffix(filepath.Base(given[o.Number]), ".xml"); o.Ref != ref {
						t.Errorf("the result of %s has the ref %q, want %q", name, o.Ref, ref)
					}
				}
			}
			for number, name := range given {
				if found[number] != filepath.Join(s.dir, name) {
					t.Errorf("the result of %s names the file %q, want %s", number, found[number], name)
				}
			}
		})
	}
}

// When the files that the watch has renamed are done, no record of their first names is left.
func TestWatch_RenamedFilesAreDone_TheirNamesAreForgotten(t *testing.T) {
	s := newSite(t)
	for i, number := range []string{"FV/1", "FV/2"} {
		s.put("k.xml", xmlOf(0, number))
		s.put("bad.xml", []byte("<x></Faktura>"))
		s.put("none.zip", zipOf(t, entry{"readme/", ""}))
		s.put("n.zip", zipOf(t, entry{"a.xml.upo.xml", string(xmlOf(0, fmt.Sprint("FV/A", i)))}, entry{"a.xml.upo.xml.txt", "x"}))
		s.passes(4)
	}
	if len(s.w.given) != 4 { // the names of the refused files are not noted any more
		t.Errorf("the names that are noted are %q, want four", s.w.given)
	}
	for _, number := range []string{"FV/1", "FV/2", "FV/A0", "FV/A1"} {
		s.settle(number, ledger.Receipted)
	}
	s.passes(3)
	s.end()
	s.passes(1)
	records, err := os.ReadDir(filepath.Join(s.dir, journalDir))
	s.must(err)
	if len(s.w.given) != 0 || len(records) != 2 { // the lock, and the folder of archives
		t.Errorf("the names that are noted are %q, and the folder of records has %v: want no name and two entries", s.w.given, records)
	}
}
