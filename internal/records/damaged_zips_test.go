package records_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ksefworker/internal/records"
	"ksefworker/internal/results"
)

// numbers returns n numbers of invoices that begin with the same letters.
func numbers(begin string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("%s/%d", begin, i)
	}
	return all
}

// truncate cuts the end of the one file that a pattern matches.
func truncate(t *testing.T, pattern string, lose int64) (name string) {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) != 1 {
		t.Fatalf("the pattern %s finds the files %v, %v, want one", pattern, names, err)
	}
	info, err := os.Stat(names[0])
	if err == nil {
		err = os.Truncate(names[0], max(0, info.Size()-lose))
	}
	if err != nil {
		t.Fatal(err)
	}
	return names[0]
}

// The indexes of a month are searched at the same time, and what they have is noted in one place.
// If that place were not guarded, the race detector would report it, and often the runtime itself.
func TestEachWithin_ZIPIsDamagedInAMonthOfManyPackages_IndexesAreReadAtOnceAndNothingIsLacking(t *testing.T) {
	k, dir := inFolder(t)
	var all []results.Result
	for day := range 8 {
		_, in := k.bundledFrom(day*100, fmt.Sprintf("2026-11-%d", 20+day), numbers(fmt.Sprint("D", day), 60)...)
		all = append(all, in...)
	}
	k.receipt(all...)
	truncate(t, filepath.Join(dir, "*", "*", "packages", "2026-11-20", "*.zip"), 1<<30)
	for range 20 {
		if read, lacking := k.walk(november); read != len(all)-60 || lacking != nil {
			t.Fatalf("%d results are read, and %q is reported as lacking; want %d and none", read, lacking, len(all)-60)
		}
	}
	for range 20 {
		ids, lost := k.search(all[3].KsefNumber)
		if len(ids) != 0 || !slices.Equal(lost, []string{all[3].KsefNumber}) {
			t.Fatalf("an invoice of the damaged ZIP: found %q, lost %q; want it lost", ids, lost)
		}
	}
}

// A ZIP that lost its end, where its table of contents is, still has its invoices. Its index leads
// to them.
func TestEachWithin_ZIPLostItsEnd_InvoicesAreReadByTheIndexAndTheZIPIsNamed(t *testing.T) {
	k, dir := inFolder(t)
	_, in := k.bundled("2026-11-26", numbers("B", 40)...)
	k.receipt(in...)
	name := truncate(t, filepath.Join(dir, "*", "*", "packages", "*", "*.zip"), 100)
	var ids, unread []string
	r := &records.Reader{Store: k.store, Unread: func(name string, err error) { unread = append(unread, fmt.Sprint(name, ": ", err)) },
		NoDocument: func(of results.Result, err error) { t.Errorf("%s is reported without its document: %v", of.ID, err) }}
	err := r.EachWithin(t.Context(), november, func(f results.Result) error { ids = append(ids, f.ID); return nil },
		func(a records.Attested) { t.Errorf("%s is reported as lacking", a.KsefNumber) })
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(ids)
	if len(slices.Compact(ids)) != len(in) {
		t.Errorf("%d invoices are listed, want %d", len(ids), len(in))
	}
	if len(unread) != 1 || !strings.Contains(unread[0], filepath.Base(name)) || !strings.Contains(unread[0], "was read by its index") {
		t.Errorf("the objects reported as damaged are %q, want the ZIP alone", unread)
	}
}

// A restore put a package into the folder of another month as well.
func TestResults_InTheFolderOfAnotherMonth_CountOnlyInTheirOwn(t *testing.T) {
	k, dir := inFolder(t)
	_, in := k.bundled("2026-11-26", numbers("B", 40)...)
	k.receipt(in...)
	seller := filepath.Join(dir, in[0].NIP)
	if err := os.CopyFS(filepath.Join(seller, "2026-09"), os.DirFS(filepath.Join(seller, "2026-11"))); err != nil {
		t.Fatal(err)
	}
	var unread []string
	r := &records.Reader{Store: k.store, Unread: func(name string, err error) { unread = append(unread, fmt.Sprint(name, ": ", err)) }}
	n := 0
	err := r.EachWithin(t.Context(), records.Within{}, func(results.Result) error { n++; return nil },
		func(a records.Attested) { t.Errorf("%s is reported as lacking", a.KsefNumber) })
	if err != nil || n != len(in) {
		t.Errorf("%d results are read (error %v), want %d", n, err, len(in))
	}
	if len(unread) != 1 || !strings.Contains(unread[0], "/2026-09/") || !strings.Contains(unread[0], "belongs in the folder") {
		t.Errorf("the objects reported are %q, want one in the folder 2026-09", unread)
	}
}
