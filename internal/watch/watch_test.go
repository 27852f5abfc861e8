package watch

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
)

func TestWatch_Files_EndInTheFolderOfTheirOutcomeWithResultAndReceipt(t *testing.T) {
	s := newSite(t)
	s.put("a.xml", xmlOf(0, "FV/1"))
	s.put("sub/b.XML", xmlOf(0, "FV/2"))
	s.put("bad.xml", []byte("<x></Faktura>"))
	s.put("note.txt", []byte("not an invoice"))
	s.passes(1)
	s.wantTree("a.xml", "bad.xml", "note.txt", "sub/b.XML") // a file is taken only when its size and time stay the same
	s.passes(2)
	s.wantTree("note.txt", "refused/bad.xml", "refused/bad.xml.json", "taken/a.xml", "taken/sub/b.XML")
	if o := s.result("refused/bad.xml.json"); o.State != "refused" || len(o.Faults) == 0 || !strings.Contains(o.Reason, "Faktura") ||
		o.File != filepath.Join(s.dir, "bad.xml") {
		t.Errorf("the result of the refused file is %+v, want it refused, with its faults, reason and file", o)
	}
	s.settle("FV/1", ledger.Accepted)
	s.settle("FV/2", ledger.Rejected)
	s.passes(2)
	s.wantTree("note.txt", "refused/bad.xml", "refused/bad.xml.json", "accepted/a.xml", "accepted/a.xml.json",
		"rejected/sub/b.XML", "rejected/sub/b.XML.json")
	if o := s.result("accepted/a.xml.json"); o.State != "accepted" || o.KsefNumber == "" || o.File != filepath.Join(s.dir, "a.xml") {
		t.Errorf("the result of the accepted file is %+v, want it accepted, with its KSeF number and file", o)
	}
	if o := s.result("rejected/sub/b.XML.json"); o.State != "rejected" || o.Code != 450 {
		t.Errorf("the result of the rejected file is %+v, want it rejected with code 450", o)
	}
	s.settle("FV/1", ledger.Receipted)
	s.passes(2)
	if o := s.result("accepted/a.xml.json"); o.State != "receipted" || s.read("accepted/a.xml.upo.xml") != "<UPO>"+o.ID+"</UPO>" {
		t.Errorf("the result beside the receipt is %+v, want it receipted, and the receipt of this invoice", o)
	}
	if s.w.files["a.xml"] != nil || s.w.files["sub/b.XML"] == nil {
		t.Errorf("the finished file a.xml is followed: %v, want false; the unfinished sub/b.XML is followed: %v, want true",
			s.w.files["a.xml"] != nil, s.w.files["sub/b.XML"] != nil)
	}
}

func TestWatch_RejectedInvoiceIsRetried_ItsFileFollows(t *testing.T) {
	s := newSite(t)
	s.put("a.xml", xmlOf(0, "FV/1"))
	s.passes(3)
	s.settle("FV/1", ledger.Parked)
	s.passes(2)
	s.wantTree("parked/a.xml", "parked/a.xml.json")
	s.end()
	ids, err := s.ledger.ByNumber(t.Context(), "FV/1")
	s.must(err)
	s.must(s.ledger.Move(t.Context(), ledger.Move{ID: ids[0], To: ledger.Queued}))
	s.passes(12)
	s.wantTree("taken/a.xml")
	s.settle("FV/1", ledger.Receipted)
	s.passes(3)
	s.wantTree("accepted/a.xml", "accepted/a.xml.json", "accepted/a.xml.upo.xml")
}

func TestWatch_SameNameAgain_HasANameOfItsOwn(t *testing.T) {
	s := newSite(t)
	for _, number := range []string{"FV/1", "FV/2", "FV/3"} {
		s.put("invoice.xml", xmlOf(0, number))
		s.passes(3)
		if number != "FV/2" {
			s.settle(number, ledger.Accepted)
		}
	}
	s.passes(2)
	s.wantTree("accepted/invoice.xml", "accepted/invoice.xml.json", "taken/invoice~20261123T110012.xml",
		"accepted/invoice~20261123T110021.xml", "accepted/invoice~20261123T110021.xml.json")
	for _, name := range []string{"accepted/invoice.xml.json", "accepted/invoice~20261123T110021.xml.json"} {
		if o := s.result(name); o.File != filepath.Join(s.dir, "invoice.xml") {
			t.Errorf("%s is the result of %s, want invoice.xml", name, o.File)
		}
	}
}

func TestWatch_SameDocumentUnderTwoNames_IsOneInvoiceAndBothAreAnswered(t *testing.T) {
	s := newSite(t)
	s.put("a.xml", xmlOf(0, "FV/1"))
	s.put("copy.xml", xmlOf(0, "FV/1"))
	s.passes(3)
	s.settle("FV/1", ledger.Receipted)
	s.passes(2)
	s.wantTree("accepted/a.xml", "accepted/a.xml.json", "accepted/a.xml.upo.xml",
		"accepted/copy.xml", "accepted/copy.xml.json", "accepted/copy.xml.upo.xml")
	if n := s.entries(); n != 1 {
		t.Errorf("the ledger has %d invoices, want 1", n)
	}
}

func TestWatch_OddNames_AreTakenAsTheyAre(t *testing.T) {
	s := newSite(t)
	names := []string{"-rf.xml", "a b\n\x1b[31m.xml", "zły\xff.xml", "$(touch x).xml", "100%s.xml", "a.json.xml", "~.xml"}
	numbers := map[string]string{}
	for i, name := range append(names, strings.Repeat("ż", 123)+".xml") { // the last name has 250 bytes
		numbers[name] = "FV/" + string(rune('A'+i))
		s.put(name, xmlOf(0, numbers[name]))
	}
	s.put(".hidden.xml", xmlOf(0, "FV/no"))
	s.passes(3)
	for _, number := range numbers {
		s.settle(number, ledger.Receipted)
	}
	s.passes(2)
	for _, name := range names {
		if o := s.result("accepted/" + name + resultEnd); o.State != "receipted" || o.Number != numbers[name] {
			t.Errorf("the result of %q is %+v, want it receipted, with its own number", name, o)
		}
	}
	all := s.tree()
	if short := all[len(all)-1]; len(all) != 3*len(numbers) || !strings.HasPrefix(short, "accepted/żż") || len(short) > 230 {
		t.Errorf("the folder has %d files, and the long name became %q: want three for each invoice, and a shorter name", len(all), short)
	}
	if s.entries() != len(numbers) {
		t.Errorf("the ledger has %d invoices, want one for each name", s.entries())
	}
}

func TestWatch_FileIsStillWritten_WaitsUntilItIsWhole(t *testing.T) {
	s := newSite(t)
	whole := xmlOf(0, "FV/1")
	s.put("a.xml", whole[:500])
	s.passes(4)
	s.wantTree("a.xml") // the end of the file is missing, so its writer has a minute to complete it
	s.put("a.xml", whole)
	s.passes(3)
	s.wantTree("taken/a.xml")
	s.put("dead.xml", whole[:500]) // its writer was killed
	s.put("empty.xml", nil)
	s.passes(19)
	s.wantTree("dead.xml", "empty.xml", "taken/a.xml")
	s.passes(2)
	s.wantTree("refused/dead.xml", "refused/dead.xml.json", "refused/empty.xml", "refused/empty.xml.json", "taken/a.xml")
	if n := s.entries(); n != 1 {
		t.Errorf("the ledger has %d invoices, want 1", n)
	}
}

func TestWatch_PlacesAreLinks_LeadNowhere(t *testing.T) {
	s := newSite(t)
	outside := t.TempDir()
	s.must(os.Symlink(outside, filepath.Join(s.dir, taken)))
	if w, err := New(s.o); err == nil {
		s.w = w
		s.put("a.xml", xmlOf(0, "FV/1"))
		s.passes(3)
	}
	if entries, _ := os.ReadDir(outside); len(entries) > 0 {
		t.Errorf("the watch wrote %v outside the folder", entries)
	}
}

func TestWatch_Settings_AreThoseOfTheNearestFolder(t *testing.T) {
	s := newSite(t)
	s.put(".ksef.yaml", []byte("lane: express\n"))
	s.put("bulk/.ksef.yaml", []byte("tenant: one\nlane: bulk\nref: name\ndeadline: 2026-11-27 16:00\n"))
	s.put("wrong/.ksef.yaml", []byte("tenant: nobody\n"))
	s.put("typo/.ksef.yaml", []byte("lain: bulk\n"))
	s.put("a.xml", xmlOf(0, "FV/1"))
	s.put("bulk/deep/SO-7.xml", xmlOf(0, "FV/2"))
	s.put("wrong/c.xml", xmlOf(0, "FV/3"))
	s.put("typo/d.xml", xmlOf(0, "FV/4"))
	s.passes(3)
	s.wantTree("taken/a.xml", "taken/bulk/deep/SO-7.xml", "wrong/c.xml", "typo/d.xml", waitingName)
	s.waiting("wrong/c.xml: wrong/.ksef.yaml cannot be used: field tenant",
		"typo/d.xml: typo/.ksef.yaml cannot be used: the setting lain is not known")
	for number, lane := range map[string]ledger.Lane{"FV/1": ledger.Express, "FV/2": ledger.Bulk} {
		ids, err := s.ledger.ByNumber(t.Context(), number)
		s.must(err)
		inv, err := s.ledger.Invoice(t.Context(), ids[0])
		s.must(err)
		if inv.Lane != lane || number == "FV/2" &&
			(inv.Ref != "SO-7" || inv.Deadline.Time().UTC().Format(time.DateTime) != "2026-11-27 15:00:00") {
			t.Errorf("invoice %s has lane %s, ref %q, deadline %v; want lane %s, and for FV/2 the ref SO-7 and 2026-11-27 15:00 UTC",
				number, inv.Lane, inv.Ref, inv.Deadline, lane)
		}
	}
	s.put("wrong/.ksef.yaml", []byte("tenant: one\n"))
	s.passes(2)
	s.waiting("typo/d.xml")
	if n := s.entries(); n != 3 {
		t.Errorf("the ledger has %d invoices, want 3", n)
	}
}

// The settings of a folder may be a link that leads out of the watched folder or nowhere, or they
// may be a folder. In these cases the list of what waits says what to do.
func TestWatch_SettingsAreNoFile_FilesWaitWithWords(t *testing.T) {
	s := newSite(t)
	outside := filepath.Join(t.TempDir(), "all.yaml")
	s.must(os.WriteFile(outside, []byte("lane: bulk\n"), 0o600))
	for _, dir := range []string{"out", "nowhere", "within"} {
		s.put(dir+"/"+dir+".xml", xmlOf(0, "FV/"+dir))
	}
	s.must(os.Symlink(outside, filepath.Join(s.dir, "out", settingsName)))
	s.must(os.Symlink("none.yaml", filepath.Join(s.dir, "nowhere", settingsName)))
	s.put("shared.yaml.txt", []byte("lane: bulk\n"))
	s.must(os.Symlink("../shared.yaml.txt", filepath.Join(s.dir, "within", settingsName)))
	s.put("folder/d.xml", xmlOf(0, "FV/4"))
	s.must(os.Mkdir(filepath.Join(s.dir, "folder", settingsName), 0o700))
	s.passes(3)
	const link = "/.ksef.yaml cannot be used: it is a link that leads out of the watched folder, or nowhere: put the file itself here"
	s.waiting("out/out.xml: out"+link, "nowhere/nowhere.xml: nowhere"+link,
		"folder/d.xml: folder/.ksef.yaml cannot be used: it is not a file: put a file with the settings here, or remove it")
	if n := s.entries(); n != 1 { // a link within the folder is followed
		t.Errorf("the ledger has %d invoices, want 1", n)
	}
}

func TestWatch_JSONInvoice_BecomesXMLBesideItOrIsRefusedWithWords(t *testing.T) {
	s := newSite(t)
	s.put("a.json", []byte(`{"Fa":{"P_2":"FV/1"}}`))
	s.put("b.json", []byte("\xef\xbb\xbf"+`{"faktura":{"Fa":{"P_2":"FV/2"}}}`))
	s.put("bad.json", []byte(`{"Fa":{}}`))
	s.put("away.json", []byte(`{"Fa":{"P_2":"away"}}`))
	s.passes(3)
	s.wantTree("taken/a.json", "taken/a.json.xml", "taken/b.json", "taken/b.json.xml", "refused/bad.json", "refused/bad.json.json",
		"taken/away.json", waitingName)
	s.waiting("taken/away.json: it is JSON, and the gateway could not be asked")
	s.settle("FV/1", ledger.Receipted)
	s.settle("FV/2", ledger.Rejected)
	s.passes(2)
	s.wantTree("accepted/a.json", "accepted/a.json.xml", "accepted/a.json.json", "accepted/a.json.upo.xml",
		"rejected/b.json", "rejected/b.json.xml", "rejected/b.json.json", "refused/bad.json", "refused/bad.json.json",
		"taken/away.json", waitingName)
	if o := s.result("refused/bad.json.json"); !strings.Contains(o.Reason, "the gateway makes no XML of it: Fa.P_2 is missing") {
		t.Error("the result does not say that the gateway makes no XML; its reason is", o.Reason)
	}
	if s.read("accepted/a.json.xml") != string(xmlOf(0, "FV/1")) {
		t.Error("the XML beside accepted/a.json is not the one that was handed in")
	}
}

// The ERP's own files have names that the watch gives to receipts. They come before, after or
// together with the files whose receipts would get these names. No file may be lost.
func TestWatch_NameOfAResultOrReceipt_DestroysNothingWhateverComesFirst(t *testing.T) {
	for name, order := range map[string][][]string{
		"before":   {{"l.xml.upo.xml", "m.XML.UPO.XML"}, {"l.xml", "m.XML"}},
		"after":    {{"l.xml", "m.XML"}, {"l.xml.upo.xml", "m.XML.UPO.XML"}},
		"together": {{"l.xml", "m.XML", "l.xml.upo.xml", "m.XML.UPO.XML"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			documents := map[string]bool{}
			var numbers []string
			for _, names := range order {
				for _, name := range names {
					number := fmt.Sprint("FV/", len(numbers))
					doc := xmlOf(0, number)
					documents[string(doc)], numbers = true, append(numbers, number)
					s.put(name, doc)
				}
				s.passes(3)
			}
			for _, number := range numbers {
				s.settle(number, ledger.Receipted)
			}
			s.passes(3)
			all := s.tree()
			for _, file := range all {
				raw, err := os.ReadFile(filepath.Join(s.dir, file))
				s.must(err)
				delete(documents, string(raw))
			}
			if len(documents) != 0 || len(all) != 3*len(numbers) {
				t.Errorf("%d documents are gone, want none; the folder has %q, want three files for each", len(documents), all)
			}
		})
	}
}

// A folder inside the watched folder has a watch of its own, as its lock shows. The outer watch
// takes nothing from it.
func TestWatch_FolderInside_IsLeftToItsOwnWatch(t *testing.T) {
	s := newSite(t)
	s.put("a.xml", xmlOf(0, "FV/1"))
	s.put("sub/b.xml", xmlOf(0, "FV/2"))
	s.put("sub/"+lockName, nil)
	s.put("sub/accepted/c.xml.json", []byte("{}"))
	s.passes(4)
	all := s.tree()
	for _, name := range []string{"taken/a.xml", "sub/b.xml", "sub/accepted/c.xml.json"} {
		if !slices.Contains(all, name) {
			t.Errorf("%s is gone; the folder has %q", name, all)
		}
	}
	if why := s.read("ksef-waiting.txt"); !strings.Contains(why, "sub: is watched by itself") {
		t.Error("the list of what waits does not say that sub is watched by itself; it says", why)
	}
}

func TestWatch_SettingsOfTwoDocuments_FilesWait(t *testing.T) {
	s := newSite(t)
	s.put(".ksef.yaml", []byte("lane: express\n---\nlane: bulk\n"))
	s.put("a.xml", xmlOf(0, "FV/1"))
	s.passes(4)
	if why := s.read("ksef-waiting.txt"); !strings.Contains(why, "more than one document") {
		t.Error("the list of what waits does not say that there is more than one document; it says", why)
	}
	for _, two := range []string{"---\n---\nlane: bulk\n", "lane: express\n---\n", "# none\n---\n...\nlane: bulk\n"} {
		s.put(".ksef.yaml", []byte(two))
		s.passes(1)
		if why := s.read("ksef-waiting.txt"); !strings.Contains(why, "more than one document") {
			t.Errorf("with the settings %q, the list of what waits does not say that there is more than one document; it says %s", two, why)
		}
	}
	s.put(".ksef.yaml", []byte("---\nlane: express\n"))
	s.passes(4)
	s.wantTree("taken/a.xml")
}

// The result of a JSON file that is no invoice says what the file has, and not that its tenant is
// unknown.
func TestWatch_JSONThatIsNoInvoice_ResultSaysWhatIsWrong(t *testing.T) {
	s := newSite(t)
	two := []intake.Account{{Name: "one", NIP: sample.NIP(0)}, {Name: "two", NIP: sample.NIP(1)}}
	s.o.Generate = func(ctx context.Context, tenant string, faktura []byte) ([]byte, error) {
		return intake.FromFaktura(ctx, gateway{}, two, tenant, faktura, 1<<20)
	}
	texts := map[string]string{
		`{"faktura":{"Fa":{"P_2":"FV/1"}},"ref":"x"}`: "is JSON with ref beside faktura; a file has the invoice alone",
		`{"invoices":[{"faktura":{}}]}`:               "is JSON with invoices around the invoice",
		`{"a":1,"b":2,"c":3,"d":4}`:                   "is JSON, and no invoice: it has a, b, c, …, and neither Podmiot1 nor Fa",
		`{}`:                                          "is a JSON object with nothing in it",
		`{"Fa":{"P_2":"FV/1"}}`:                       "does not show which tenant sends it",
	}
	n := 0
	for text := range texts {
		n++
		s.put(fmt.Sprintf("%d.json", n), []byte(text))
	}
	s.passes(3)
	for ; n > 0; n-- {
		text := s.read(fmt.Sprintf("refused/%d.json", n))
		if o := s.result(fmt.Sprintf("refused/%d.json.json", n)); !strings.Contains(o.Reason, texts[text]) {
			t.Errorf("the result of %s has the reason %s, want one that contains %q", text, o.Reason, texts[text])
		}
	}
}

// gateway makes the same XML of every invoice.
type gateway struct{}

func (gateway) Generate(context.Context, string, []byte) ([]byte, error) {
	return xmlOf(0, "FV/1"), nil
}

// An invoice comes again, with terms and a ref that it cannot have any more, in other bytes, or
// with the ref of another invoice. The result says so, even when the watch was started again
// meanwhile.
func TestWatch_InvoiceIsHereWithOtherTermsRefOrBytes_ItsResultSaysSo(t *testing.T) {
	s := newSite(t)
	s.put("a.xml", xmlOf(0, "FV/1"))
	s.put("other/.ksef.yaml", []byte("ref: name\n"))
	s.put("other/SO-1.xml", xmlOf(0, "FV/2"))
	s.passes(3)
	s.settle("FV/1", ledger.Accepted)
	s.put("term/.ksef.yaml", []byte("lane: express\ndeadline: 2026-12-30\nref: name\n"))
	s.put("term/SO-7.xml", bytes.ReplaceAll(xmlOf(0, "FV/1"), []byte("\n"), []byte("\n\n")))
	s.put("refs/.ksef.yaml", []byte("ref: name\n"))
	s.put("refs/SO-1.xml", xmlOf(0, "FV/1"))
	s.put("odd/.ksef.yaml", []byte("lane: bulk\n"))
	s.put("odd/b.xml", xmlOf(0, "FV/2"))
	s.passes(3)
	s.end()
	s.settle("FV/2", ledger.Accepted)
	s.passes(3)
	o := s.result("accepted/term/SO-7.xml.json")
	if o.Terms == nil || o.Terms.Applied || !strings.Contains(o.Terms.Text, "the terms given now were not applied") ||
		!strings.Contains(o.Terms.Text, "the ref given now was not applied: the invoice has none") || o.Note == "" {
		t.Errorf("the remarks are %+v and the terms %+v, want that neither terms nor ref were applied, and a note", o.remarks, o.Terms)
	}
	if o = s.result("accepted/refs/SO-1.xml.json"); !strings.Contains(o.Note, "would be refused now: ref \"SO-1\" is already that of") {
		t.Errorf("the note does not say that the ref is already used: %+v", o.remarks)
	}
	if o = s.result("accepted/odd/b.xml.json"); o.Terms == nil || !o.Terms.Applied || !strings.Contains(o.Terms.Text, "lane bulk") {
		t.Errorf("the remarks are %+v and the terms %+v, want that the lane bulk was applied", o.remarks, o.Terms)
	}
	if o = s.result("accepted/a.xml.json"); o.remarks != (remarks{}) {
		t.Errorf("the result has remarks, want none: %+v", o.remarks)
	}
}
