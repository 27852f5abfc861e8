package watch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
)

func TestWatch_FilesThatCannotBeTaken_WaitWithWordsAndConcernNoOther(t *testing.T) {
	s := newSite(t)
	s.put("good.xml", xmlOf(0, "FV/1"))
	s.must(os.Symlink("/etc/passwd", filepath.Join(s.dir, "link.xml")))
	s.must(os.Mkdir(filepath.Join(s.dir, "folder.xml"), 0o700))
	s.put("readonly.xml", xmlOf(0, "FV/2"))
	s.must(os.Chmod(filepath.Join(s.dir, "readonly.xml"), 0o444))
	want := []string{"link.xml", waitingName, "taken/good.xml", "taken/readonly.xml"}
	texts := []string{"These files wait.", "Te pliki czekają.",
		"link.xml: is a link, a pipe or a device, not a file: put the file itself here\r\n" +
			"    to dowiązanie, potok albo urządzenie, a nie plik: umieść tu sam plik\r\n"}
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
		t.Error("nothing waits any more, but the list of what waits is still there")
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
	s.waiting("taken/a.xml: the ledger does not", "    rejestr faktur w tej chwili jej nie przyjmuje: connection refused")
	s.w.o.Admitter = real
	s.passes(3)
	s.wantTree("taken/a.xml")
	if n := s.entries(); n != 1 {
		t.Errorf("the ledger has %d invoices, want 1", n)
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
		t.Errorf("a second watch of the folder gives %v, want ErrBusy with the process of the first", err)
	}
	s.end()
	s.start()
}

func TestWatch_FolderInsideAWatchedOne_IsRefusedAndNothingIsWrittenThere(t *testing.T) {
	s := newSite(t)
	for _, dir := range []string{"nest/deep", "accepted/nest"} {
		s.must(os.MkdirAll(filepath.Join(s.dir, dir), 0o700))
	}
	link := filepath.Join(t.TempDir(), "link")
	s.must(os.Symlink(filepath.Join(s.dir, "nest"), link))
	inner := func(dir string) error {
		o := s.o
		o.Dir = dir
		w, err := New(o)
		if err == nil {
			s.must(w.Close())
		}
		return err
	}
	s.start()
	for _, dir := range []string{"nest", "nest/deep", "accepted", "accepted/nest", link} {
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(s.dir, dir)
		}
		err := inner(dir)
		if !errors.Is(err, ErrBusy) || !strings.Contains(err.Error(), "it is inside "+s.dir+", which process ") {
			t.Errorf("a watch of %s gives %v, want ErrBusy with the outer folder", dir, err)
		}
		if _, err := os.Stat(filepath.Join(dir, journalDir)); err == nil {
			t.Errorf("%s: the watch was refused, but it has made its folder of records there", dir)
		}
	}
	if err := inner(filepath.Join(s.dir, "..")); err != nil {
		t.Errorf("a watch of the folder around the watched one gives %v, want no error", err) // the outer watch leaves nest alone
	}
	s.end()
	if err := inner(filepath.Join(s.dir, "accepted/nest")); err == nil || !strings.Contains(err.Error(), "puts what it has taken") {
		t.Errorf("a watch in the folder accepted of a watch that has ended gives %v, want it refused", err)
	}
	if err := inner(filepath.Join(s.dir, "nest")); err != nil {
		t.Errorf("when the outer watch has ended, a watch of nest gives %v, want no error", err)
	}
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

// The gateway cannot be reached. Documents that need no gateway do not wait. The gateway is asked
// about one invoice of each tenant in a pass, and each invoice has its turn.
func TestWatch_GatewayIsDown_XMLGoesFirstAndEachTenantIsAskedOnceInAPass(t *testing.T) {
	s := newSite(t)
	var mu sync.Mutex
	asked := map[string]string{}
	s.o.Sender = senderInNumber
	s.o.Generate = func(ctx context.Context, tenant string, faktura []byte) ([]byte, error) {
		mu.Lock()
		defer mu.Unlock()
		asked[senderInNumber("", faktura)] += numberIn(faktura) + " "
		if n := s.entries(); n != 1 {
			t.Errorf("the gateway is asked after %d XML invoices were handed in, want 1", n)
		}
		return nil, intake.GenerationFailed(context.DeadlineExceeded)
	}
	for _, number := range []string{"a0", "a1", "a2", "b0", "b1"} {
		s.put(number+".json", fakturaOf(number))
	}
	s.put("z.xml", xmlOf(0, "FV/1"))
	s.passes(2)
	if want := map[string]string{"a": "a0 ", "b": "b0 "}; !maps.Equal(asked, want) {
		t.Errorf("the gateway was asked about %q, want %q", asked, want)
	}
	s.waiting("taken/a0.json: it is JSON, and the gateway could not be asked",
		"taken/a2.json: it is JSON, and the gateway could not be asked")
	s.passes(9)
	if !strings.HasPrefix(asked["a"], "a0 a1 a2 ") || !strings.HasPrefix(asked["b"], "b0 b1 b0 ") {
		t.Errorf("the gateway was asked about %q, want each invoice in turn", asked)
	}
}

// The gateway does not answer about one tenant's invoice. Everything else goes on meanwhile, even
// the JSON invoices of other tenants, and the list of what waits names the tenant's files.
func TestWatch_GatewayHangs_OnlyTheTenantsOwnJSONWaits(t *testing.T) {
	s := newSite(t)
	answers := make(chan struct{})
	s.o.Sender = senderInNumber
	s.o.Generate = func(ctx context.Context, tenant string, faktura []byte) ([]byte, error) {
		if senderInNumber("", faktura) == "a" {
			select {
			case <-answers:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		return generate(ctx, tenant, faktura)
	}
	for _, number := range []string{"a0", "a1", "b0", "b1"} {
		s.put(number+".json", fakturaOf(number))
	}
	s.passes(2)
	if n := s.entries(); n != 2 {
		t.Errorf("%d of the other tenant's two invoices are handed in, want both", n)
	}
	for i := range 3 {
		s.put(fmt.Sprint(i, ".xml"), xmlOf(0, fmt.Sprint("FV/", i)))
	}
	s.put("b2.json", fakturaOf("b2"))
	s.passes(2)
	if n := s.entries(); n != 2+4 {
		t.Errorf("%d invoices are handed in, want all six that do not wait", n)
	}
	s.waiting("taken/a0.json: it is JSON, and the gateway has not made XML of it yet",
		"taken/a1.json: it is JSON, and the gateway has not made XML of it yet")
	close(answers)
	s.passes(2)
	if n := s.entries(); n != 8 {
		t.Errorf("%d invoices are handed in, want all eight", n)
	}
}

func fakturaOf(number string) []byte { return []byte(`{"Fa":{"P_2":"` + number + `"}}`) }

func numberIn(faktura []byte) string {
	return strings.TrimSuffix(strings.TrimPrefix(string(faktura), `{"Fa":{"P_2":"`), `"}}`)
}

// senderInNumber is an [Options.Sender]. The first letter of an invoice's number is its tenant.
func senderInNumber(_ string, faktura []byte) string { return numberIn(faktura)[:1] }

// A person replaces or removes a file that waits, while its XML is being made or after it was made.
// Only what is there in the end is handed in.
func TestWatch_JSONIsReplacedOrRemovedWhileItWaits_OnlyWhatIsThereIsHandedIn(t *testing.T) {
	s := newSite(t)
	answers := make(chan struct{})
	s.o.Generate = func(ctx context.Context, tenant string, faktura []byte) ([]byte, error) {
		<-answers
		return generate(ctx, tenant, faktura)
	}
	down := true
	s.o.Admitter = admits(func(ctx context.Context, docs []intake.Document, terms intake.Terms) ([]intake.Admission, error) {
		if down {
			return nil, errors.New("no connection")
		}
		return s.admit(ctx, docs, terms)
	})
	for _, name := range []string{"replaced", "removed", "replaced late", "removed late"} {
		s.put(name+".json", fakturaOf("OLD "+name))
	}
	s.passes(2)
	s.put("taken/replaced.json", fakturaOf("NEW replaced"))
	s.must(os.Remove(filepath.Join(s.dir, "taken/removed.json")))
	close(answers)
	s.passes(4)
	s.put("taken/replaced late.json", fakturaOf("NEW replaced late"))
	s.must(os.Remove(filepath.Join(s.dir, "taken/removed late.json")))
	down = false
	s.passes(8)
	for number, want := range map[string]int{"NEW replaced": 1, "NEW replaced late": 1,
		"OLD replaced": 0, "OLD removed": 0, "OLD replaced late": 0, "OLD removed late": 0} {
		ids, err := s.ledger.ByNumber(t.Context(), number)
		s.must(err)
		if len(ids) != want {
			t.Errorf("the ledger has number %s %d times, want %d", number, len(ids), want)
		}
	}
	s.settle("NEW replaced", ledger.Accepted)
	s.settle("NEW replaced late", ledger.Accepted)
	s.passes(2)
	s.wantTree("accepted/replaced.json", "accepted/replaced.json.json", "accepted/replaced.json.xml",
		"accepted/replaced late.json", "accepted/replaced late.json.json", "accepted/replaced late.json.xml")
}

// A person replaces a file in taken/ that was handed in. The new document is handed in too. It does
// not get the outcome of the first one.
func TestWatch_FileIsReplacedAfterItWasHandedIn_BothHaveTheirOwnOutcome(t *testing.T) {
	s := newSite(t)
	s.put("a.xml", xmlOf(0, "FV/1"))
	s.put("b.json", fakturaOf("FV/2"))
	s.passes(3)
	s.put("taken/a.xml", xmlOf(0, "FV/3"))
	s.put("taken/b.json", fakturaOf("FV/4"))
	s.settle("FV/1", ledger.Accepted)
	s.settle("FV/2", ledger.Accepted)
	s.passes(3)
	s.wantTree("taken/a.xml", "taken/b.json", "taken/b.json.xml")
	s.settle("FV/3", ledger.Rejected)
	s.settle("FV/4", ledger.Accepted)
	s.passes(3)
	s.wantTree("rejected/a.xml", "rejected/a.xml.json", "accepted/b.json", "accepted/b.json.json", "accepted/b.json.xml")
	if a, b := s.result("rejected/a.xml.json"), s.result("accepted/b.json.json"); a.Number != "FV/3" || b.Number != "FV/4" ||
		s.read("accepted/b.json.xml") != string(xmlOf(0, "FV/4")) {
		t.Errorf("the results are those of %s and %s, want FV/3 and FV/4, and the XML of FV/4", a.Number, b.Number)
	}
}

// While XML is made of the files of a folder, the settings of this folder become invalid. The watch
// does not wait for the answers about these files. So the files of other folders go on, and a watch
// that runs once ends.
func TestWatch_SettingsBreakWhileXMLIsMade_OtherFoldersGoOn(t *testing.T) {
	s := newSite(t)
	s.o.Now, s.o.Settle = time.Now, time.Millisecond
	first := make(chan struct{})
	s.o.Generate = func(ctx context.Context, tenant string, faktura []byte) ([]byte, error) {
		<-first
		return generate(ctx, tenant, faktura)
	}
	for i := range 150 {
		s.put(fmt.Sprintf("x/%03d.json", i), fakturaOf(fmt.Sprint("X", i)))
	}
	s.put("x/.ksef.yaml", []byte("tenant: one\n"))
	for w := s.start(); !w.submitter.documents.maker.busy(); {
		_, err := w.pass(t.Context())
		s.must(err)
	}
	s.put("x/.ksef.yaml", []byte("nonsense: 1\n"))
	close(first)
	s.put("y/other.json", fakturaOf("FV/1"))
	done := make(chan int)
	go func() {
		n, err := s.w.RunOnce(t.Context())
		s.must(err)
		done <- n
	}()
	s.until("the file of the other folder is handed in", func() bool { return s.entries() == 1 })
	s.settle("FV/1", ledger.Accepted)
	if n := <-done; n != 150 {
		t.Errorf("%d files wait, want 150", n)
	}
	s.waiting("x/.ksef.yaml cannot be used: the setting nonsense is not known")
}

func TestWatch_LinkToAFolder_IsNamedAmongWhatWaits(t *testing.T) {
	s := newSite(t)
	elsewhere := t.TempDir()
	s.must(os.WriteFile(filepath.Join(elsewhere, "l.xml"), xmlOf(0, "FV/1"), 0o600))
	s.must(os.Symlink(elsewhere, filepath.Join(s.dir, "link")))
	s.passes(3)
	s.waiting("link: is a link, and links are not followed")
	if n := s.entries(); n != 0 {
		t.Errorf("%d invoices are handed in through a link, want none", n)
	}
}

func TestWatch_LedgerFailsWhenXMLIsMade_EachFileIsNamedAmongWhatWaits(t *testing.T) {
	s := newSite(t)
	s.o.Admitter = admits(func(context.Context, []intake.Document, intake.Terms) ([]intake.Admission, error) {
		return nil, errors.New("no connection")
	})
	s.put("a.json", []byte(`{"Fa":"\ud800"}`)) // refused at once
	s.put("b.json", fakturaOf("FV/1"))
	s.passes(2)
	s.wantTree("refused/a.json", "refused/a.json.json", "taken/b.json", waitingName)
	s.waiting("taken/b.json: the ledger does not take it")
	if strings.Contains(s.read(waitingName), "taken/:") {
		t.Error("a line of the list of what waits names no file; the list says", s.read(waitingName))
	}
}

// The ledger forgets an invoice whose XML was made of JSON. From the same JSON, the gateway would
// now make another document. So the watch uses the XML again, and does not take it for another
// invoice.
func TestWatch_LedgerIsLost_XMLOfJSONIsUsedAgain(t *testing.T) {
	s := newSite(t)
	made := 0
	s.o.Generate = func(ctx context.Context, tenant string, faktura []byte) ([]byte, error) {
		made++
		doc, err := generate(ctx, tenant, faktura)
		return append(doc, fmt.Sprintf("<!-- %d -->", made)...), err
	}
	s.put("a.json", fakturaOf("FV/1"))
	s.passes(3)
	s.wantTree("taken/a.json", "taken/a.json.xml")
	s.must(s.rdb.FlushAll(t.Context()).Err())
	s.passes(3)
	s.end() // the record of the file is lost too
	s.must(s.rdb.FlushAll(t.Context()).Err())
	records, err := filepath.Glob(filepath.Join(s.dir, journalDir, "*.json"))
	s.must(err)
	for _, record := range records {
		s.must(os.Remove(record))
	}
	s.passes(3)
	s.settle("FV/1", ledger.Receipted)
	s.passes(3)
	s.wantTree("accepted/a.json", "accepted/a.json.xml", "accepted/a.json.json", "accepted/a.json.upo.xml")
	if made != 1 || s.entries() != 1 {
		t.Errorf("XML was made %d times, and the ledger has %d invoices: want once, and 1", made, s.entries())
	}
}

func TestWatch_SettingsNameATenantByItsNIP_RefusedArchiveIsOnItsRecord(t *testing.T) {
	s := newSite(t)
	s.put(".ksef.yaml", []byte("tenant: \""+sample.NIP(1)+"\"\n"))
	s.put("n.zip", []byte("PK\x05\x06 no archive"))
	s.passes(4)
	if on := s.refusals(""); len(on) != 1 || on[0].Tenant != "two" {
		t.Errorf("the open refusals are %+v, want one of the tenant two", on)
	}
}
