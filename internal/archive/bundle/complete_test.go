package bundle_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ksefworker/internal/archive"
	"ksefworker/internal/archive/bundle"
)

// damages are ways in which an index can lose lines and still look like an index.
var damages = map[string]func(index string) string{
	"empty":                  func(string) string { return "" },
	"only the first line":    func(s string) string { return s[:strings.Index(s, "\n")+1] },
	"cut at the end of line": func(s string) string { return strings.Join(strings.SplitAfter(s, "\n")[:9], "") },
	"a line is missing":      func(s string) string { return strings.Join(slices.Delete(strings.SplitAfter(s, "\n"), 5, 6), "") },
}

// withoutHead makes an index as earlier builds wrote it.
func withoutHead(s string) string { return s[strings.Index(s, "\n")+1:] }

func rewrite(t *testing.T, path string, edit func(string) string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, []byte(edit(string(raw))), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func indexOf(zip string) string { return strings.TrimSuffix(zip, ".zip") + ".jsonl" }

// everyOne checks that each invoice is found by its names, and in searches, by stores that have
// read nothing before.
func everyOne(t *testing.T, below archive.Store, invs []bundle.Invoice) {
	t.Helper()
	named, searched := bundle.Over(below), bundle.Over(below)
	for _, inv := range invs {
		found(t, named, inv)
		finds(t, searched, inv)
	}
}

// An invoice that an index lacks would be taken for one that the archive never had. If it were
// handed in again, it would be sent to KSeF a second time. So a store must notice that an index
// lacks lines.
func TestStore_IndexLacksLines_IsMadeAgainFromTheZIP(t *testing.T) {
	for _, old := range []bool{false, true} {
		for name, damage := range damages {
			dir := t.TempDir()
			below := open(t, "file://"+dir)
			a := tinyOf("a", 12)
			path := filepath.Join(dir, indexOf(kept(t, below, "2026-11-26", "pkg-a", a)))
			if old {
				rewrite(t, path, withoutHead)
				everyOne(t, below, a)
			}
			rewrite(t, path, damage)
			t.Run(name, func(t *testing.T) { everyOne(t, below, a) })
		}
	}
}

// A person has copied the index of one package over that of another. The head of the copy is right,
// and its lines lead to the ZIP of the wrong package.
func TestStore_IndexIsThatOfAnotherPackage_IsMadeAgain(t *testing.T) {
	for _, old := range []bool{false, true} {
		dir := t.TempDir()
		below := open(t, "file://"+dir)
		a, b := tinyOf("a", 12), tinyOf("b", 12)
		first := filepath.Join(dir, indexOf(kept(t, below, "2026-11-26", "pkg-a", a)))
		second := filepath.Join(dir, indexOf(kept(t, below, "2026-11-27", "pkg-b", b)))
		other, err := os.ReadFile(second)
		if err != nil {
			t.Fatal(err)
		}
		rewrite(t, first, func(string) string { return string(other) })
		if old {
			rewrite(t, first, withoutHead)
		}
		everyOne(t, below, append(a, b...))
		// A month is joined from the right lines too. The first time the index is made again.
		for _, today := range []string{"2026-12-20", "2026-12-21"} {
			if err := bundle.Over(below).Tidy(t.Context(), folder, today); err != nil && today != "2026-12-20" {
				t.Fatal(err)
			}
		}
		joined, err := os.ReadFile(filepath.Join(dir, folder, "to-2026-11-27.jsonl"))
		if err != nil || bytes.Count(joined, []byte("\n")) != 1+len(a)+len(b) {
			t.Errorf("the joined index has %d lines (error %v), want a head and %d", bytes.Count(joined, []byte("\n")), err, len(a)+len(b))
		}
		everyOne(t, below, append(a, b...))
	}
}

func TestStore_JoinedIndexLacksLines_TheIndexesOfThePackagesAreRead(t *testing.T) {
	for _, today := range []string{"2026-11-29", "2026-12-20"} { // on the first date only the day is joined, on the second the month
		dir := t.TempDir()
		below := open(t, "file://"+dir)
		all := manyPackages(t, below, 2)
		if err := bundle.Over(below).Tidy(t.Context(), folder, today); err != nil {
			t.Fatal(err)
		}
		joined, err := filepath.Glob(filepath.Join(dir, folder, "*.jsonl"))
		if err != nil || len(joined) == 0 {
			t.Fatalf("the joined indexes are %v (error %v), want some", joined, err)
		}
		for _, old := range []bool{false, true} {
			for name, damage := range damages {
				t.Run(name+", "+today, func(t *testing.T) {
					for _, path := range joined {
						whole, err := os.ReadFile(path)
						if err != nil {
							t.Fatal(err)
						}
						defer rewrite(t, path, func(string) string { return string(whole) })
						if old {
							rewrite(t, path, withoutHead)
						}
						rewrite(t, path, damage)
					}
					everyOne(t, below, all)
				})
			}
		}
	}
}

// manyPackages archives the packages of two days. Only the first day has enough packages for a
// joined index of the day.
func manyPackages(t *testing.T, below archive.Store, each int) (all []bundle.Invoice) {
	t.Helper()
	for day, packages := range map[string]int{"2026-11-26": 9, "2026-11-27": 2} {
		for n := range packages {
			pkg := fmt.Sprintf("pkg-%s-%d", day, n)
			some := tinyOf(pkg, each)
			kept(t, below, day, pkg, some)
			all = append(all, some...)
		}
	}
	return all
}

func TestStore_AnIndexOfAJoinedMonthOrDayIsMissing_TheIndexesOfThePackagesAreRead(t *testing.T) {
	for _, today := range []string{"2026-11-29", "2026-12-20"} {
		dir := t.TempDir()
		below := open(t, "file://"+dir)
		all := manyPackages(t, below, 4)
		s := bundle.Over(below)
		s.SetMaxJoined(2 << 10)
		if err := s.Tidy(t.Context(), folder, today); err != nil {
			t.Fatal(err)
		}
		joined, err := filepath.Glob(filepath.Join(dir, folder, "*-2?-*.jsonl"))
		if err != nil || len(joined) < 3 {
			t.Fatalf("the joined indexes are %v (error %v), want three or more", joined, err)
		}
		everyOne(t, below, all)
		if err := os.Remove(joined[1]); err != nil {
			t.Fatal(err)
		}
		everyOne(t, below, all)
	}
}

// An earlier build joined the month, and the joined index has lost lines. When the month is joined
// again, the new index must have these lines.
func TestTidy_JoinedIndexOfAnEarlierBuildLacksLines_TheMonthIsJoinedFromThePackages(t *testing.T) {
	dir := t.TempDir()
	below := open(t, "file://"+dir)
	a, b, late := tinyOf("a", 20), tinyOf("b", 20), tinyOf("late", 20)
	kept(t, below, "2026-11-26", "pkg-a", a)
	kept(t, below, "2026-11-27", "pkg-b", b)
	if err := bundle.Over(below).Tidy(t.Context(), folder, "2026-12-20"); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, folder, "to-2026-11-27.jsonl")
	rewrite(t, path, withoutHead)
	rewrite(t, path, damages["cut at the end of line"])
	kept(t, below, "2026-12-21", "pkg-late", late)
	if err := bundle.Over(below).Tidy(t.Context(), folder, "2026-12-24"); err != nil {
		t.Fatal(err)
	}
	if raw, err := below.Get(t.Context(), folder+"/to-2026-12-21.jsonl"); err != nil || bytes.Count(raw, []byte(`{"id":`)) != 60 {
		t.Errorf("the joined index has %d lines (error %v), want 60", bytes.Count(raw, []byte(`{"id":`)), err)
	}
	everyOne(t, below, slices.Concat(a[:3], b[:3], late[:3]))
}

// unreadZIPs calls Results. It returns how many results were read, and the names of the ZIPs that
// could not be read.
func unreadZIPs(t *testing.T, below archive.Store) (n int, names []string) {
	t.Helper()
	err := bundle.Over(below).Results(t.Context(), folder, func(string, []byte, bool) error { n++; return nil },
		func(name string, err error) {
			if !errors.Is(err, archive.ErrCorrupt) {
				t.Errorf("%s: %v, want ErrCorrupt", name, err)
			}
			names = append(names, name)
		})
	if err != nil {
		t.Error(err)
	}
	return n, names
}

func TestStore_ZIPIsMissing_ItsInvoicesAreNotCalledUnknown(t *testing.T) {
	for _, c := range []struct {
		name        string
		old, joined bool
		alsoIndex   bool
	}{
		{name: "its index is there"}, {name: "an index of an earlier build is there", old: true},
		{name: "the month was joined", joined: true}, {name: "only the joined index is there", joined: true, alsoIndex: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			below := open(t, "file://"+dir)
			a, b := tinyOf("a", 12), tinyOf("b", 12)
			zip := kept(t, below, "2026-11-26", "pkg-a", a)
			kept(t, below, "2026-11-27", "pkg-b", b)
			path := filepath.Join(dir, zip)
			if c.joined {
				if err := bundle.Over(below).Tidy(t.Context(), folder, "2026-12-20"); err != nil {
					t.Fatal(err)
				}
			}
			if c.old {
				rewrite(t, indexOf(path), withoutHead)
			}
			content, err := os.ReadFile(path)
			if err := errors.Join(err, os.Remove(path)); err != nil {
				t.Fatal(err)
			}
			if c.alsoIndex {
				if err := os.Remove(indexOf(path)); err != nil {
					t.Fatal(err)
				}
			}
			everyOne(t, below, b)
			for _, inv := range a {
				_, err := bundle.Over(below).Get(t.Context(), resultName(inv))
				if text := fmt.Sprint(err); !errors.Is(err, archive.ErrCorrupt) || !strings.Contains(text, "pkg-a") ||
					!strings.Contains(text, "is missing") {
					t.Fatalf("Get = %v, want ErrCorrupt that says that the ZIP of pkg-a is missing", err)
				}
			}
			if n, names := unreadZIPs(t, below); n != len(b) || !slices.Equal(names, []string{zip}) {
				t.Errorf("%d results were read, and these ZIPs could not be read: %v; want those of pkg-b, and the ZIP of pkg-a", n, names)
			}
			// A sound copy of the ZIP, under another name, has all its results, so nothing is
			// missing.
			copyName := archive.CopyName(zip, 2)
			if err := os.WriteFile(filepath.Join(dir, copyName), content, 0o600); err != nil {
				t.Fatal(err)
			}
			if c.joined || c.old {
				return // a copy is never put into a joined day; an index without a head may lack lines
			}
			s := bundle.Over(below)
			for _, inv := range a {
				found(t, s, inv)
			}
			if n, names := unreadZIPs(t, below); n != len(a)+len(b) || len(names) != 0 {
				t.Errorf("with a copy of the ZIP, %d results were read, and these ZIPs could not be read: %v; want all, and none", n, names)
			}
		})
	}
}
