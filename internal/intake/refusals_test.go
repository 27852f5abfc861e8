package intake_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ksefworker/internal/intake"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/redisd/redistest"
	"ksefworker/internal/sample"
)

// recorder takes documents in and records refusals, as enqueue does.
type recorder struct {
	t   *testing.T
	a   *intake.Admitter
	rdb *redis.Client
	dir string

	asked string // the tenant that --tenant names
}

// owner returns the name of the tenant with this NIP. Only the first seller is a tenant.
func owner(nip string) string {
	if nip == sample.NIP(0) {
		return "One"
	}
	return ""
}

func newRecorder(t *testing.T) *recorder {
	rdb, _ := redistest.New(t)
	a := admitter(t, rdb)
	a.Accounts = []intake.Account{{Name: "One", NIP: sample.NIP(0)}, {Name: "Two", NIP: sample.NIP(1)}}
	return &recorder{t: t, a: a, rdb: rdb, dir: t.TempDir()}
}

// hand hands in one file with these bytes.
func (d *recorder) hand(name string, doc []byte) *intake.Refusals {
	d.t.Helper()
	path := filepath.Join(d.dir, name)
	if err := os.WriteFile(path, doc, 0o600); err != nil {
		d.t.Fatal(err)
	}
	r := &intake.Refusals{Record: d.a.Ledger, Tenant: owner, Accounts: d.a.Accounts, Asked: d.asked}
	items := intake.Read(d.t.Context(), []string{path}, intake.Options{})
	err := intake.Run(d.t.Context(), d.a, items, intake.Terms{Tenant: d.asked}, func(adms []intake.Admission) {
		r.Note(d.t.Context(), adms)
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return r
}

// open returns the files of the open refusals.
func (d *recorder) open() []string {
	d.t.Helper()
	all, err := d.a.Ledger.Refusals(d.t.Context(), time.Time{}, "")
	if err != nil {
		d.t.Fatal(err)
	}
	files := make([]string, len(all))
	for i, r := range all {
		files[i] = filepath.Base(r.File)
	}
	return files
}

// wants checks that the open refusals are of these files.
func (d *recorder) wants(files ...string) {
	d.t.Helper()
	if got := d.open(); !slices.Equal(got, files) {
		d.t.Errorf("the open refusals are %v, want %v", got, files)
	}
}

func TestRefusals_FixedInAnotherFile_IsSuperseded(t *testing.T) {
	d := newRecorder(t)
	o := sample.Options{Number: "FV/1", IssueDate: "2026-01-05"}
	d.hand("a.xml", sample.Bad(sample.FutureDate, o))
	d.hand("elsewhere.xml", sample.Bad(sample.FutureDate, o)) // the same document: one refusal
	d.wants("elsewhere.xml")
	all, err := d.a.Ledger.Refusals(t.Context(), time.Time{}, "")
	if err != nil || all[0].Number != "FV/1" || all[0].NIP != sample.NIP(0) || all[0].Tenant != "One" ||
		all[0].Faults[0].Field != "P_1" || all[0].Faults[0].Value != "2049-12-31" || all[0].Faults[0].Line == 0 {
		t.Errorf("the record lacks the invoice, its tenant or the fault of P_1: %+v, %v", all, err)
	}
	// Another invoice under the same file name does not end the refusal.
	d.hand("elsewhere.xml", sample.Invoice(sample.Options{Number: "FV/2", IssueDate: "2026-01-05"}))
	d.wants("elsewhere.xml")
	d.hand("third.xml", sample.Invoice(o))
	d.wants()
}

func TestRefusals_FaultyAndCorrectedInOneRun_TheRefusalEndsAndIsTold(t *testing.T) {
	d := newRecorder(t)
	d.a.Ledger = ledger.New(d.rdb, ledger.Options{Outbox: 100})
	o := sample.Options{Number: "FV/1", IssueDate: "2026-01-05"}
	var paths []string
	for name, doc := range map[string][]byte{"1.xml": sample.Bad(sample.FutureDate, o), "2.xml": sample.Invoice(o)} {
		paths = append(paths, filepath.Join(d.dir, name))
		if err := os.WriteFile(filepath.Join(d.dir, name), doc, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(paths)
	r := &intake.Refusals{Record: d.a.Ledger, Tenant: owner}
	err := intake.Run(t.Context(), d.a, intake.Read(t.Context(), paths, intake.Options{}), intake.Terms{}, func(adms []intake.Admission) {
		r.Note(t.Context(), adms)
		if len(adms) != 2 || adms[0].Refusal == "" || adms[1].Taken != ledger.Created {
			t.Errorf("want the first document refused and on record, and the second taken: %+v", adms)
		}
	})
	if err != nil || r.Err != nil {
		t.Fatal(err, r.Err)
	}
	d.wants()
	outcomes, err := d.a.Ledger.Outcomes(t.Context(), "", 10)
	if err != nil || len(outcomes) != 2 || outcomes[0].State != "refused" || outcomes[1].State != ledger.State(ledger.RefusalSuperseded) {
		t.Errorf("the outcomes are %+v, %v, want refused, then superseded", outcomes, err)
	}
}

// In the ledger the name One means another taxpayer, who reads the list of tenant One. So the
// refusals of this process's tenant One are in no tenant's list. A sound document is not refused.
// It is to be handed in again when the configuration is right.
func TestRefusals_NameMeansAnotherTaxpayer_AreNotInItsList(t *testing.T) {
	d := newRecorder(t)
	other := ledger.New(d.rdb, ledger.Options{})
	if _, err := other.Bind(t.Context(), map[string]string{"One": sample.NIP(3)}); err != nil {
		t.Fatal(err)
	}
	sound := sample.Invoice(sample.Options{Number: "S/1"})
	d.hand("sound.xml", sound)
	confined := d.a.Only([]string{"One"})
	for _, a := range []*intake.Admitter{d.a, confined} {
		adms, err := a.Admit(t.Context(), []intake.Document{{File: "sound.xml", Data: sound}}, intake.Terms{})
		if unsure, ok := errors.AsType[*intake.UnsureError](adms[0].Err); err != nil || !ok ||
			strings.Contains(unsure.What, sample.NIP(3)) != (a == d.a) {
			t.Errorf("Admit = %v, %v, want an UnsureError, which names the other NIP only to an admitter of all tenants", adms[0].Err, err)
		}
	}
	d.hand("faulty.xml", sample.Bad(sample.FutureDate, sample.Options{Number: "S/2"}))
	d.asked = "One"
	d.hand("no.xml", []byte("%PDF"))
	all, err := d.a.Ledger.Refusals(t.Context(), time.Time{}, "")
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 2 {
		t.Errorf("%d refusals are open, want 2: %+v", len(all), all)
	}
	for _, r := range all {
		if r.Tenant != "" {
			t.Errorf("the refusal of %s is in the list of tenant %q, want it in none", r.File, r.Tenant)
		}
	}
	if got, _ := other.Taxpayers(t.Context()); got["One"] != sample.NIP(3) {
		t.Errorf("the names mean the NIPs %v, want %s for One", got, sample.NIP(3))
	}
}

// Programs that read results expect a day as the date of issue, as the schema of results says. So
// other text in P_1 is kept only as the value of the fault.
func TestRefusals_IssueDateIsNoDay_IsKeptAsTheValueOfTheFaultAlone(t *testing.T) {
	d := newRecorder(t)
	for file, day := range map[string]string{"a.xml": "23.11.2026", "b.xml": "2026-02-30", "c.xml": "2026-11-23Z"} {
		d.hand(file, bytes.Replace(sample.Invoice(sample.Options{Number: file, IssueDate: "2026-01-05"}),
			[]byte("<P_1>2026-01-05"), []byte("<P_1>"+day), 1))
	}
	all, err := d.a.Ledger.Refusals(t.Context(), time.Time{}, "")
	if err != nil || len(all) != 3 {
		t.Fatalf("%d refusals are on record, %v, want 3", len(all), err)
	}
	for _, r := range all {
		if r.IssueDate != "" || r.Faults[0].Field != "P_1" || r.Faults[0].Value == "" {
			t.Errorf("%s: the record has the day %q and the faults %+v, want no day, and a fault of P_1 with its value",
				r.File, r.IssueDate, r.Faults)
		}
	}
}

// The ZIP has two entries at fault, and two that are taken. Its record names both faults, and ends
// when the ZIP is made again without them.
func TestRefusals_ArchiveIsMadeAgain_ItsRecordEnds(t *testing.T) {
	d := newRecorder(t)
	pack := func(names ...string) []byte {
		var out bytes.Buffer
		z := zip.NewWriter(&out)
		for i, name := range names {
			w, err := z.Create(name)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = w.Write(sample.Invoice(sample.Options{Number: fmt.Sprint("Z/", i), IssueDate: "2026-01-05"}))
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	for range 2 { // the second time, the documents are present, which ends nothing either
		d.hand("night.zip", pack("../a.xml", "b.xml", "/c.xml", "d.xml"))
		d.wants("night.zip")
	}
	all, err := d.a.Ledger.Refusals(t.Context(), time.Time{}, "")
	if err != nil || len(all[0].Faults) != 2 || !strings.Contains(all[0].Faults[0].Rule, "../a.xml") ||
		!strings.Contains(all[0].Faults[1].Rule, "/c.xml") {
		t.Errorf("the record does not name the two entries at fault: %+v, %v", all, err)
	}
	d.hand("night.zip", pack("a.xml", "b.xml", "c.xml", "d.xml"))
	d.wants()
}

// A document that was taken before has an entry that shows its state. So nobody has to act when it
// is handed in again for the wrong tenant.
func TestRefusals_DocumentThatTheLedgerHas_IsNoOpenRefusal(t *testing.T) {
	d := newRecorder(t)
	o := sample.Options{Number: "FV/1", IssueDate: "2026-01-05"}
	d.asked = "Two"
	d.hand("a.xml", sample.Invoice(o)) // not taken yet: a person has to act
	d.wants("a.xml")
	if all, err := d.a.Ledger.Refusals(t.Context(), time.Time{}, ""); err != nil || all[0].Tenant != "Two" {
		t.Errorf("the record is not that of tenant Two: %+v, %v", all, err)
	}
	d.asked = ""
	d.hand("a.xml", sample.Invoice(o)) // taken, for its own tenant: that ends the refusal
	d.wants()
	d.asked = "Two"
	d.hand("a.xml", sample.Invoice(o))
	d.hand("elsewhere.xml", sample.Invoice(o))
	d.wants()
	d.asked, d.a.Accounts = "", nil // the tenant is not configured any more
	d.hand("a.xml", sample.Invoice(o))
	d.wants()
	d.hand("export.xml", bytes.ReplaceAll(sample.Invoice(o), []byte("T08:15:00Z<"), []byte("T09:15:00Z<")))
	d.wants() // the same invoice, exported again
	o.Seed = 9
	d.hand("b.xml", sample.Invoice(o)) // another document of this number, which has no entry
	d.wants("b.xml")
}

func TestRefusals_MissingPathOrArchiveAway_AreNotRecorded(t *testing.T) {
	d := newRecorder(t)
	r := &intake.Refusals{Record: d.a.Ledger, Tenant: owner}
	r.Note(t.Context(), []intake.Admission{
		{File: "gone", Taken: ledger.Refused, Err: &intake.Problem{What: "does not exist", Path: true}},
		{File: "a.xml", Taken: ledger.Refused, Err: &intake.UnsureError{What: "the archive is away", Err: errors.New("x")}},
		{File: "b.xml", Taken: ledger.Refused, Err: &intake.Problem{What: "cannot be read"}},
	})
	d.wants("b.xml")
	err := &invoice.FieldError{Field: "P_15", Rule: "must be a number", Value: "Jan Kowalski"}
	r.Note(t.Context(), []intake.Admission{{File: "c.xml", Taken: ledger.Refused, Err: err}})
	all, failed := d.a.Ledger.Refusals(t.Context(), time.Time{}, "")
	// Two refusals of the same millisecond come in either order, so the test searches for the
	// refusal of c.xml.
	i := slices.IndexFunc(all, func(r ledger.Refusal) bool { return r.File == "c.xml" })
	if failed != nil || len(all) != 2 || i < 0 ||
		all[i].Faults[0].Field != "P_15" || all[i].Faults[0].Value != "Jan Kowalski" {
		t.Errorf("the record lacks the refusal of c.xml with its fault of P_15: %+v, %v", all, failed)
	}
}

// A ZIP archive without an invoice is an export that went wrong. Its refusal ends when a document
// of an archive with this name is taken, unless that archive is at fault too.
func TestRefusals_Archive_IsOnRecordUntilADocumentInItIsTaken(t *testing.T) {
	d := newRecorder(t)
	none := intake.Admission{File: "/night.zip", Taken: ledger.Refused,
		Err: &intake.Problem{What: "holds no *.xml entries", Path: true, Archive: true}}
	unsafe := intake.Admission{File: "/night.zip", Taken: ledger.Refused, Err: &intake.Problem{What: "has an entry named \"../x\""}}
	taken := intake.Admission{File: "/night.zip/a.xml", Taken: ledger.Created}
	taken.Invoice.ID, taken.Invoice.NIP, taken.Invoice.Number = "inv-a", sample.NIP(0), "FV/1"
	note := func(chunks ...[]intake.Admission) {
		r := &intake.Refusals{Record: d.a.Ledger, Tenant: owner}
		for _, c := range chunks {
			r.Note(t.Context(), c)
		}
	}
	note([]intake.Admission{none})
	d.wants("night.zip")
	note([]intake.Admission{unsafe}, []intake.Admission{taken})
	d.wants("night.zip")
	note([]intake.Admission{taken}, []intake.Admission{unsafe})
	d.wants("night.zip")
	note([]intake.Admission{taken})
	d.wants()
}

// For an export of ten thousand bad documents, the record is bounded and takes few round trips, and
// there is no error.
func TestRefusals_TenThousandAtOnce_AreBoundedAndTakeFewCommands(t *testing.T) {
	d := newRecorder(t)
	before := d.commands()
	r := &intake.Refusals{Record: d.a.Ledger, Tenant: owner}
	for chunk := range 100 {
		adms := make([]intake.Admission, 100)
		for i := range adms {
			adms[i] = intake.Admission{File: fmt.Sprintf("%d-%d.xml", chunk, i), Taken: ledger.Refused,
				Err: &intake.Problem{What: "cannot be read"}}
		}
		r.Note(t.Context(), adms)
	}
	if n := d.commands() - before; n > 1800 || r.Unrecorded != 0 || r.Err != nil {
		t.Errorf("%d commands, want 1,800 at most; %d refusals are not on record, %v", n, r.Unrecorded, r.Err)
	}
	if n := len(d.open()); n != 5000 {
		t.Errorf("%d refusals are on record, want 5,000", n)
	}
}

// commands returns how many commands Redis has run.
func (d *recorder) commands() int64 {
	d.t.Helper()
	info, err := d.rdb.InfoMap(d.t.Context(), "stats").Result()
	if err != nil {
		d.t.Fatal(err)
	}
	var n int64
	if _, err := fmt.Sscan(info["Stats"]["total_commands_processed"], &n); err != nil {
		d.t.Fatal(err)
	}
	return n
}

func TestRefusals_RedisIsFull_IsReportedAndNothingStops(t *testing.T) {
	d := newRecorder(t)
	if err := d.rdb.ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	r := d.hand("a.xml", sample.Bad(sample.NotXML, sample.Options{}))
	if r.Unrecorded != 1 || !ledger.IsFull(r.Err) {
		t.Errorf("%d refusals are not on record, %v, want one, and the error of a full Redis", r.Unrecorded, r.Err)
	}
}

// If the list of one tenant is sick, the refusals of this tenant are not on record, and the
// refusals of all other tenants are.
func TestRefusals_ListOfOneTenantIsSick_OthersAreRecorded(t *testing.T) {
	d := newRecorder(t)
	if err := d.rdb.Set(t.Context(), "ksef:refused:One", "foreign", 0).Err(); err != nil {
		t.Fatal(err)
	}
	adms := make([]intake.Admission, 3)
	for i := range adms {
		adms[i] = intake.Admission{File: fmt.Sprintf("%d.xml", i), Taken: ledger.Refused, Err: &intake.Problem{What: "cannot be read"},
			Invoice: ledger.Invoice{Facts: ledger.Facts{NIP: sample.NIP(i % 2)}}}
	}
	r := &intake.Refusals{Record: d.a.Ledger, Tenant: func(nip string) string {
		if nip == sample.NIP(1) {
			return "Two"
		}
		return owner(nip)
	}}
	r.Note(t.Context(), adms)
	if r.Unrecorded != 2 || r.Err == nil {
		t.Errorf("%d refusals are not on record, %v; want two, and an error", r.Unrecorded, r.Err)
	}
	if adms[0].Refusal != "" || adms[1].Refusal == "" || adms[2].Refusal != "" {
		t.Errorf("the documents have the refusals %q, %q and %q; want only the second on record",
			adms[0].Refusal, adms[1].Refusal, adms[2].Refusal)
	}
	d.wants("1.xml")
}

// When the corrected document came, another program had overwritten the key of open refusals, or
// the set of the tenants that have open refusals. The refusal ends once the key is whole again.
func TestNote_KeyIsSickWhenTheCorrectedDocumentComes_ItsRefusalEnds(t *testing.T) {
	for _, key := range []string{"ksef:refusers", "ksef:refusalsopen:One"} {
		d := newRecorder(t)
		d.hand("first.xml", sample.Invoice(sample.Options{Number: "E/0"})) // the first document of a ledger needs every key
		d.hand("bad.xml", sample.Bad(sample.FutureDate, sample.Options{Number: "E/1"}))
		d.must(d.rdb.Rename(t.Context(), key, "aside").Err())
		d.must(d.rdb.Set(t.Context(), key, "x", 0).Err())
		d.hand("good.xml", sample.Invoice(sample.Options{Number: "E/1"}))
		d.must(d.rdb.Rename(t.Context(), "aside", key).Err())
		_, err := d.a.Ledger.EndTaken(t.Context(), 100)
		if d.must(err); len(d.open()) != 0 {
			t.Errorf("%s was sick: the open refusals are %v, want none", key, d.open())
		}
	}
}

func (d *recorder) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}
