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

// tinyOf makes invoices of a few bytes: only their number matters.
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

func TestTidy_DaysThatAreOver_AreJoinedAndFoundAsBefore(t *testing.T) {
	places(t, func(t *testing.T, below archive.Store) {
		var all []bundle.Invoice
		for day := 24; day <= 27; day++ {
			for n := range 3 {
				pkg := fmt.Sprintf("pkg-%d-%d", day, n)
				some := tinyOf(pkg, 50)
				kept(t, below, fmt.Sprintf("2026-11-%d", day), pkg, some)
				all = append(all, some[0], some[49])
			}
		}
		s := bundle.Over(below)
		found(t, s, all[0]) // it knows the indexes of the packages
		for range 2 {
			if err := bundle.Over(below).Tidy(t.Context(), folder, "2026-11-27"); err != nil {
				t.Fatal(err)
			}
		}
		names, err := archive.ListIn(t.Context(), below, folder)
		want := []string{"2026-11-24.jsonl", "2026-11-24/", "2026-11-25.jsonl", "2026-11-25/", "2026-11-26/", "2026-11-27/"}
		if err != nil || fmt.Sprint(names) != fmt.Sprint(inFolder(want)) {
			t.Errorf("%v, %v", names, err)
		}
		for _, inv := range all {
			found(t, s, inv)
			found(t, bundle.Over(below), inv)
			finds(t, s, inv)
		}
	})
}

func inFolder(names []string) []string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = folder + "/" + name
	}
	return out
}

func TestTidy_IndexesAreMissingOrABundleIsDamaged_OtherDaysAreJoined(t *testing.T) {
	dir := t.TempDir()
	below := open(t, "file://"+dir)
	a, b, c := tinyOf("a", 20), tinyOf("b", 20), tinyOf("c", 20)
	name := kept(t, below, "2026-11-20", "pkg-a", a)
	if err := os.Remove(filepath.Join(dir, strings.TrimSuffix(name, ".zip")+".jsonl")); err != nil {
		t.Fatal(err)
	}
	name = kept(t, below, "2026-11-21", "pkg-b", b)
	for _, part := range []string{name, strings.TrimSuffix(name, ".zip") + ".jsonl"} {
		if err := os.WriteFile(filepath.Join(dir, part), []byte("damaged"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	kept(t, below, "2026-11-22", "pkg-c", c)
	err := bundle.Over(below).Tidy(t.Context(), folder, "2026-11-26")
	if !errors.Is(err, archive.ErrCorrupt) || !strings.Contains(err.Error(), "pkg-b") {
		t.Errorf("it says %v", err)
	}
	for day, want := range map[string]bool{"20": true, "21": false, "22": true} {
		if _, err := os.Stat(filepath.Join(dir, folder, "2026-11-"+day+".jsonl")); (err == nil) != want {
			t.Errorf("day %s: %v", day, err)
		}
	}
	found(t, bundle.Over(below), a[3])
	found(t, bundle.Over(below), c[3])
	// A joined index that is damaged is made again from those of the packages.
	if err := os.WriteFile(filepath.Join(dir, folder, "2026-11-22.jsonl"), []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := bundle.Over(below)
	found(t, s, c[3])
	finds(t, s, c[3])
}

// A document that is handed in years later is looked up with a few requests, however many packages
// and invoices its seller and month has. One that was never sent needs more, but none for each
// package.
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
	if err := bundle.Over(below).Tidy(t.Context(), folder, "2026-12-01"); err != nil {
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
	// Three requests read the two objects or find that they are not there by themselves. The lookup
	// reads up to five blocks of the index of each day.
	if worst > 3+5*days || missed > 1+5*days {
		t.Errorf("%d requests for a document and a result, %d for one that is nowhere", worst, missed)
	}
	t.Logf("%d invoices: %d requests at most for document and result, %d for what is nowhere", len(all), worst, missed)
	// Whoever looks many up reads each block once.
	s := bundle.Over(below)
	for i := 0; i < len(all); i += 7 {
		if _, err := s.Get(t.Context(), resultName(all[i])); err != nil {
			t.Fatal(err)
		}
	}
	taken := service.Take()
	if n := reads(taken) - len(all)/7; n > 80 {
		t.Errorf("%d requests over one for each of %d results", n, len(all)/7)
	}
}

// reads counts the requests that read an object. The service of the tests lists three names a page.
func reads(requests []string) (n int) {
	for _, r := range requests {
		if method, key, _ := strings.Cut(r, " "); method == http.MethodGet && key != "" {
			n++
		}
	}
	return n
}
