package bundle_test

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ksefworker/internal/archive"
	"ksefworker/internal/archive/archivetest"
	"ksefworker/internal/archive/bundle"
)

// tinyOf makes invoices of a few bytes, because only their count matters.
func tinyOf(pkg string, n int) []bundle.Invoice {
	all := make([]bundle.Invoice, n)
	for i := range all {
		number := fmt.Sprintf("%s/%d", pkg, i)
		sum := sha256.Sum256([]byte(number))
		inv := bundle.Invoice{ID: "inv-" + idEncoding.EncodeToString(sum[:15]), Number: number, KsefNumber: "k" + number,
			IssueDate: "2026-11-25", Hash: base64.StdEncoding.EncodeToString(sum[:]), Document: []byte(number)}
		inv.Result = fmt.Appendf(nil, `{"number":%q,"ksef_number":%q,"issue_date":%q,"hash":%q}`,
			inv.Number, inv.KsefNumber, inv.IssueDate, inv.Hash)
		all[i] = inv
	}
	return all
}

// listed checks which objects and folders are in the folder with the packages of the month.
func listed(t *testing.T, s archive.Store, want ...string) {
	t.Helper()
	names, err := archive.ListIn(t.Context(), s, folder)
	for i, name := range names {
		names[i] = strings.TrimPrefix(name, folder+"/")
	}
	if err != nil || fmt.Sprint(names) != fmt.Sprint(want) {
		t.Errorf("the folder has %v (error %v), want %v", names, err, want)
	}
}

// tidied tidies twice, as two processes may. Then it checks that some invoices are found as before,
// both by s, which has read before, and by new stores.
func tidied(t *testing.T, s *bundle.Store, today string, invs []bundle.Invoice) {
	t.Helper()
	for range 2 {
		other := bundle.Over(s.Unwrap())
		other.SetMaxJoined(20 << 10)
		if err := other.Tidy(t.Context(), folder, today); err != nil {
			t.Fatal(err)
		}
	}
	for _, inv := range invs {
		found(t, s, inv)
		fresh := bundle.Over(s.Unwrap())
		found(t, fresh, inv)
		finds(t, fresh, inv)
	}
}

func TestTidy_DayWithManyPackages_AndMonthThatIsOver_AreJoinedAndFoundAsBefore(t *testing.T) {
	places(t, func(t *testing.T, below archive.Store) {
		var some []bundle.Invoice
		add := func(day string, packages, each int) {
			for n := range packages {
				pkg := fmt.Sprintf("pkg-%s-%d", day, n)
				of := tinyOf(pkg, each)
				kept(t, below, day, pkg, of)
				if n%5 == 0 {
					some = append(some, of[0], of[each-1])
				}
			}
		}
		s := bundle.Over(below)
		add("2026-11-24", 10, 20)
		add("2026-11-25", 2, 150)
		add("2026-11-27", 10, 2)
		found(t, s, some[0]) // from now on s knows the indexes of the packages
		tidied(t, s, "2026-11-28", some)
		listed(t, below, "2026-11-24-1.jsonl", "2026-11-24-2.jsonl", "2026-11-24-3.jsonl", "2026-11-24.jsonl",
			"2026-11-24/", "2026-11-25/", "2026-11-27/")
		tidied(t, s, "2026-12-20", some)
		names, err := archive.ListIn(t.Context(), below, folder)
		joined := 0
		for _, name := range names {
			if strings.Contains(name, "/to-2026-11-27") {
				joined++
			}
		}
		if err != nil || joined < 5 {
			t.Errorf("the month has %d joined indexes in %v (error %v), want at least 5", joined, names, err)
		}
		add("2026-12-22", 2, 2) // packages with invoices of November that came late
		tidied(t, s, "2026-12-23", some)
		tidied(t, s, "2027-01-10", some)
		if raw, err := below.Get(t.Context(), folder+"/to-2026-12-22.jsonl"); err != nil || len(raw) == 0 {
			t.Errorf("the month was not joined again: %v", err)
		}
	})
}

func TestTidy_IndexesAreMissingOrABundleIsDamaged_OtherDaysAreJoined(t *testing.T) {
	dir := t.TempDir()
	below := open(t, "file://"+dir)
	damage := func(name string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte("damaged"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	indexOf := func(zip string) string { return strings.TrimSuffix(zip, ".zip") + ".jsonl" }
	a, b, c, d := tinyOf("a", 20), tinyOf("b", 20), tinyOf("c", 20), tinyOf("d", 20)
	if err := os.Remove(filepath.Join(dir, indexOf(kept(t, below, "2026-11-20", "pkg-a", a)))); err != nil {
		t.Fatal(err)
	}
	damage(indexOf(kept(t, below, "2026-11-21", "pkg-b", b)))
	kept(t, below, "2026-11-22", "pkg-c", c)
	whole := bundle.Over(below)
	if err := whole.Tidy(t.Context(), folder, "2026-12-20"); !strings.Contains(fmt.Sprint(err), "damaged") {
		t.Errorf("Tidy = %v, want an error about the damaged bundle", err)
	}
	// The indexes that were missing or damaged were made again, so the month can be joined now.
	if err := whole.Tidy(t.Context(), folder, "2026-12-21"); err != nil {
		t.Error(err)
	}
	listed(t, below, "2026-11-20.jsonl", "2026-11-20/", "2026-11-21.jsonl", "2026-11-21/", "2026-11-22/", "to-2026-11-22.jsonl")
	for _, inv := range []bundle.Invoice{a[3], b[3], c[3]} {
		found(t, bundle.Over(below), inv)
	}
	// A ZIP and its index are damaged. Tidy can make nothing of them, and leaves the other packages
	// as they are.
	zip := kept(t, below, "2026-12-22", "pkg-d", d)
	damage(zip)
	damage(indexOf(zip))
	err := whole.Tidy(t.Context(), folder, "2027-01-10")
	if !errors.Is(err, archive.ErrCorrupt) || !strings.Contains(err.Error(), "pkg-d") {
		t.Errorf("Tidy = %v, want an error about pkg-d", err)
	}
	found(t, bundle.Over(below), a[3])
	// In place of a joined index that is damaged, the indexes of the packages are read.
	damage(folder + "/to-2026-11-22.jsonl")
	fresh := bundle.Over(below)
	found(t, fresh, c[3])
	finds(t, fresh, c[3])
}

// A document that is handed in years later is looked up with a few requests, however many packages
// and invoices there are of its seller and month. A few requests are also enough for a document
// that was never sent.
func TestGet_ManyPackagesOfAMonth_FewRequests(t *testing.T) {
	service := archivetest.NewS3(t, "honoured")
	below := open(t, service.In("kept"))
	var all []bundle.Invoice
	const days, packages = 3, 4
	for day := range days {
		for n := range packages {
			pkg := fmt.Sprintf("pkg-%d-%d", day, n)
			some := tinyOf(pkg, 800)
			kept(t, below, fmt.Sprintf("2026-11-2%d", day), pkg, some)
			all = append(all, some...)
		}
	}
	if err := bundle.Over(below).Tidy(t.Context(), folder, "2026-12-20"); err != nil {
		t.Fatal(err)
	}
	worst, missed := 0, 0
	for i := 0; i < len(all); i += 97 {
		service.Take()
		found(t, bundle.Over(below), all[i])
		worst = max(worst, reads(service.Take()))
	}
	for _, inv := range tinyOf("never", 20) {
		if _, err := bundle.Over(below).Get(t.Context(), documentName(inv)); !errors.Is(err, archive.ErrNotFound) {
			t.Fatal(err)
		}
		missed = max(missed, reads(service.Take()))
	}
	// One request finds that the document is not an object of its own. Two more read document and
	// result from the ZIP. For a document that is nowhere, only the first of these requests is
	// made. The lookup reads up to five blocks of one index, whatever the number of packages.
	if worst > 3+5 || missed > 1+5 {
		t.Errorf("%d requests for a document and its result, and %d for a document that is nowhere: want at most 8 and 6", worst, missed)
	}
	t.Logf("%d invoices: at most %d requests for a document and its result, and %d for a document that is nowhere", len(all), worst, missed)
	// A store that looks up many results reads each block once.
	s := bundle.Over(below)
	for i := 0; i < len(all); i += 7 {
		if _, err := s.Get(t.Context(), resultName(all[i])); err != nil {
			t.Fatal(err)
		}
	}
	taken := service.Take()
	if n := reads(taken) - len(all)/7; n > 80 {
		t.Errorf("there were %d requests beyond one for each of the %d results, want at most 80", n, len(all)/7)
	}
}

// reads counts the requests that read an object. It leaves out lists, because the service of the
// tests needs many requests for them.
func reads(requests []string) (n int) {
	for _, r := range requests {
		if method, key, _ := strings.Cut(r, " "); method == http.MethodGet && key != "" {
			n++
		}
	}
	return n
}
