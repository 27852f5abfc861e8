package records_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ksefworker/internal/archive"
	"ksefworker/internal/records"
	"ksefworker/internal/results"
	"ksefworker/internal/sample"
)

// inFolder opens an archive in a folder, from which a test can remove files.
func inFolder(t *testing.T) (k *kept, dir string) {
	dir = t.TempDir()
	s, err := archive.Open(t.Context(), "file://"+dir, archive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return &kept{t: t, store: s}, dir
}

// walk reads all results within some dates. It returns how many results there are, and the KSeF
// numbers of the invoices that only receipts tell of.
func (k *kept) walk(w records.Within) (read int, lacking []string) {
	k.t.Helper()
	r := &records.Reader{Store: k.store}
	err := r.EachWithin(k.t.Context(), w, func(results.Result) error { read++; return nil }, func(a records.Attested) {
		if a.Session != session || !strings.HasSuffix(a.Receipt, "/2026-11/upo/"+session+".xml") {
			k.t.Errorf("a lacking invoice is reported as %+v, want its session and receipt", a)
		}
		lacking = append(lacking, a.KsefNumber)
	})
	if err != nil {
		k.t.Fatal(err)
	}
	slices.Sort(lacking)
	return read, lacking
}

func remove(t *testing.T, pattern string) {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("the pattern %s finds the files %v, %v, want some", pattern, names, err)
	}
	for _, name := range names {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
}

var november = records.Within{From: "2026-11-01", To: "2026-11-30"}

// Once the ZIP and the index are gone, only the receipt tells that the archive had these invoices.
func TestEachWithin_ZIPAndIndexOfAPackageAreGone_TheirReceiptTellsOfThem(t *testing.T) {
	k, dir := inFolder(t)
	_, in := k.bundled("2026-11-26", "B/1", "B/2")
	alone := k.invoice(sample.Options{SellerNIP: sample.NIP(0), Number: "F/1", IssueDate: "2026-11-26"},
		"receipted", number(t, sample.NIP(0), 1))
	k.receipt(in[0], in[1], alone)
	if read, lacking := k.walk(november); read != 3 || lacking != nil {
		t.Fatalf("before anything is lost, %d results are read, and the archive lacks %q, want 3 and nothing", read, lacking)
	}
	zips := filepath.Join(dir, "*", "*", "packages", "*")
	remove(t, filepath.Join(zips, "*.jsonl")) // if only the index is gone, it is made again from the ZIP
	if read, lacking := k.walk(november); read != 3 || lacking != nil {
		t.Fatalf("without the index, %d results are read, and the archive lacks %q, want 3 and nothing", read, lacking)
	}
	remove(t, filepath.Join(zips, "*.zip"))
	want := []string{in[0].KsefNumber, in[1].KsefNumber}
	if read, lacking := k.walk(november); read != 1 || !slices.Equal(lacking, want) {
		t.Errorf("%d results are read, and the archive lacks %q, want 1 and %q", read, lacking, want)
	}
	if _, lacking := k.walk(records.Within{From: "2026-11-26", To: "2026-11-30"}); lacking != nil {
		t.Errorf("within other dates, these are reported as lacking, want none: %q", lacking)
	}
	if _, lacking := k.walk(records.Within{}); !slices.Equal(lacking, want) {
		t.Errorf("within all dates, the archive lacks %q, want %q", lacking, want)
	}
	r := &records.Reader{Store: k.store}
	for _, name := range []string{in[1].KsefNumber, strings.ToLower(in[1].KsefNumber), "B/2"} {
		found, did, err := r.FindWithin(t.Context(), name, records.Within{})
		if err != nil || len(found) > 0 || len(did.Attested) != 1 || did.Attested[0].KsefNumber != in[1].KsefNumber {
			t.Errorf("%s: found %+v, attested %+v, %v, want nothing found and B/2 attested", name, found, did.Attested, err)
		}
	}
	if _, did, err := r.FindWithin(t.Context(), alone.KsefNumber, records.Within{}); err != nil || did.Attested != nil {
		t.Errorf("for an invoice that is there, these are reported as lacking, want none: %+v, %v", did.Attested, err)
	}
}

// A missing ZIP whose index is there is reported once, by its own name, and not for each of its
// invoices.
func TestEachWithin_OnlyTheZIPIsGone_ItsInvoicesAreNotReportedOneByOne(t *testing.T) {
	k, dir := inFolder(t)
	_, in := k.bundled("2026-11-26", "B/1", "B/2")
	k.receipt(in...)
	remove(t, filepath.Join(dir, "*", "*", "packages", "*", "*.zip"))
	if read, lacking := k.walk(november); read != 0 || lacking != nil {
		t.Errorf("%d results are read, and the archive lacks %q, want no result and no lacking invoice", read, lacking)
	}
}

// The receipt of a session of another program was fetched because it proves an invoice that was
// handed in here too. The other invoices of that session were never here.
func TestEachWithin_ReceiptOfAnotherProgramsSession_LacksNothing(t *testing.T) {
	k, _ := inFolder(t)
	nip := sample.NIP(0)
	here := k.invoice(sample.Options{SellerNIP: nip, Number: "F/1", IssueDate: "2026-11-26"}, "receipted", number(t, nip, 1),
		func(r *results.Result) { r.Recovered = true })
	elsewhere := here
	elsewhere.KsefNumber, elsewhere.Number = number(t, nip, 2), "F/2"
	k.receipt(here, elsewhere)
	if read, lacking := k.walk(november); read != 1 || lacking != nil {
		t.Errorf("%d results are read, and the archive lacks %q, want one result and no lacking invoice", read, lacking)
	}
}

// The ZIP and index of a package are lost, and one of its invoices was handed in again. So only a
// recovered invoice names the receipt. Nobody can know whether the archive had the other invoices
// of the receipt. So the reader reports how many of them are not here.
func TestEachWithin_OneOfALostPackageIsRecovered_TheOthersAreNotPassedOver(t *testing.T) {
	k, dir := inFolder(t)
	_, in := k.bundled("2026-11-26", "F/1", "F/2", "F/3")
	k.receipt(in...)
	remove(t, filepath.Join(dir, "*", "*", "packages", "*", "*"))
	k.invoice(sample.Options{SellerNIP: in[0].NIP, Number: "F/1", IssueDate: "2026-11-26"}, "receipted", in[0].KsefNumber,
		func(r *results.Result) { r.Recovered = true })
	unsure := map[string]int{}
	r := &records.Reader{Store: k.store, Unsure: func(receipt string, lacking int) { unsure[receipt] += lacking }}
	err := r.EachWithin(t.Context(), november, func(results.Result) error { return nil }, func(a records.Attested) {
		t.Errorf("%s is reported as lost, although another program may have sent it", a.KsefNumber)
	})
	name := archive.ReceiptName(in[0].NIP, "2026-11-26", session)
	if err != nil || len(unsure) != 1 || unsure[name] != 2 {
		t.Errorf("unsure is %v, error %v, want 2 invoices of %s", unsure, err, name)
	}
}

// A receipt and a result that give an invoice different documents cannot both be right, so the
// Reader reports them.
func TestEachWithin_ReceiptListsAnotherDocument_IsReported(t *testing.T) {
	for _, another := range []bool{false, true} {
		k, _ := inFolder(t)
		o := func(n string) sample.Options {
			return sample.Options{SellerNIP: sample.NIP(0), Number: n, IssueDate: "2026-11-26"}
		}
		sound := k.invoice(o("F/1"), "receipted", number(t, sample.NIP(0), 1))
		changed := k.invoice(o("F/2"), "receipted", number(t, sample.NIP(0), 2))
		var want []string
		if another {
			changed.Hash = sound.Hash
			want = []string{"stored content is damaged: it or a result is wrong, because it lists 1 invoice with another SkrotDokumentu, " +
				"first " + changed.KsefNumber}
		}
		k.receipt(sound, changed)
		var told []string
		r := &records.Reader{Store: k.store, Unread: func(_ string, err error) { told = append(told, err.Error()) }}
		err := r.EachWithin(t.Context(), november, func(results.Result) error { return nil }, func(a records.Attested) {
			t.Errorf("%s is reported as lacking", a.KsefNumber)
		})
		if err != nil || !slices.Equal(told, want) {
			t.Errorf("the receipt lists another document: %v; the faults reported are %q (error %v), want %q", another, told, err, want)
		}
	}
}
