package bundle_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ksefworker/internal/archive"
	"ksefworker/internal/archive/bundle"
)

// A person joined the indexes by hand and left a package out, or a package came to a day that was
// joined already. The joined index is complete in itself, so only the folder shows that the index
// lacks a package. A look-up reads the index of that package too.
func TestStore_JoinedIndexDoesNotNameAPackage_ThePackagesOwnIndexIsRead(t *testing.T) {
	for _, today := range []string{"2026-11-29", "2026-12-20"} { // on the first date only the day is joined, on the second the month
		t.Run(today, func(t *testing.T) {
			places(t, func(t *testing.T, below archive.Store) {
				all := manyPackages(t, below, 3)
				if err := bundle.Over(below).Tidy(t.Context(), folder, today); err != nil {
					t.Fatal(err)
				}
				everyOne(t, below, all)
				late := tinyOf("pkg-late", 3)
				kept(t, below, "2026-11-26", "pkg-late", late)
				everyOne(t, below, append(all, late...))
			})
		})
	}
}

// A package that the joined index names is lost, and another package came late. So the folder has
// as many packages as the index names, and only the names show that the index lacks one of them.
func TestStore_APackageIsLostAndAnotherCameLate_TheLateOneIsFound(t *testing.T) {
	dir := t.TempDir()
	below := open(t, "file://"+dir)
	manyPackages(t, below, 3)
	if err := bundle.Over(below).Tidy(t.Context(), folder, "2026-12-20"); err != nil {
		t.Fatal(err)
	}
	lost, err := filepath.Glob(filepath.Join(dir, folder, "2026-11-26", "pkg-2026-11-26-0*"))
	if err != nil || len(lost) == 0 {
		t.Fatalf("the files to remove are %v (error %v), want those of a package", lost, err)
	}
	for _, name := range lost {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	late := tinyOf("pkg-late", 3)
	kept(t, below, "2026-11-27", "pkg-late", late)
	everyOne(t, below, late)
}

// Joined indexes of earlier builds, and those that a person made, do not say how many packages they
// name. So their lines have to be read.
func TestStore_JoinedIndexOfAnEarlierBuildDoesNotNameAPackage_ThePackagesOwnIndexIsRead(t *testing.T) {
	dir := t.TempDir()
	below := open(t, "file://"+dir)
	all := manyPackages(t, below, 3)
	if err := bundle.Over(below).Tidy(t.Context(), folder, "2026-12-20"); err != nil {
		t.Fatal(err)
	}
	joined, err := filepath.Glob(filepath.Join(dir, folder, "to-*.jsonl"))
	if err != nil || len(joined) != 1 {
		t.Fatalf("the joined indexes are %v (error %v), want one", joined, err)
	}
	rewrite(t, joined[0], func(index string) string {
		if !strings.Contains(index, `"zips":11`) {
			t.Errorf("the head of the index does not count 11 ZIPs: %s", index[:strings.Index(index, "\n")])
		}
		return strings.Replace(index, `,"zips":11`, "", 1)
	})
	everyOne(t, below, all)
	late := tinyOf("pkg-late", 3)
	kept(t, below, "2026-11-27", "pkg-late", late)
	everyOne(t, below, append(all, late...))
}

// A joined index names a ZIP that is damaged. The invoices are read from a sound copy of the ZIP,
// as they are without a joined index.
func TestStore_ZIPBehindAJoinedIndexIsDamaged_ItsSoundCopyCounts(t *testing.T) {
	dir := t.TempDir()
	below := open(t, "file://"+dir)
	a, b := tinyOf("a", 3), tinyOf("b", 3)
	zip := filepath.Join(dir, kept(t, below, "2026-11-26", "pkg-a", a))
	kept(t, below, "2026-11-27", "pkg-b", b)
	if err := bundle.Over(below).Tidy(t.Context(), folder, "2026-12-20"); err != nil {
		t.Fatal(err)
	}
	sound, err := os.ReadFile(zip)
	if err == nil {
		err = os.WriteFile(strings.TrimSuffix(zip, ".zip")+".copy2.zip", sound, 0o600)
	}
	if err == nil {
		err = os.WriteFile(zip, sound[:len(sound)/2], 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	s := bundle.Over(below)
	for _, inv := range append(a, b...) {
		found(t, s, inv)
	}
}
