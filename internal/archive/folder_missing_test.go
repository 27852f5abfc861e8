package archive_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ksefworker/internal/archive"
)

// openLater opens a folder as a program that mostly reads does.
func openLater(t *testing.T, dir string) archive.Store {
	t.Helper()
	s, err := archive.Open(t.Context(), "file://"+dir, archive.Options{OpenLater: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestFolder_IsMissing_ReadersDoNotMakeItAndTheFirstWriteDoes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "archive")
	s := openLater(t, dir)
	for range 5 { // enough calls to take the store out of service, if they counted as failures
		if _, err := s.Get(t.Context(), "a/b.xml"); !errors.Is(err, archive.ErrNotFound) || !errors.Is(err, archive.ErrNoFolder) {
			t.Errorf("Get = %v, want ErrNotFound and ErrNoFolder", err)
		}
		if err := s.Check(t.Context()); !errors.Is(err, archive.ErrNoFolder) {
			t.Errorf("Check = %v, want ErrNoFolder", err)
		}
	}
	s = openLater(t, dir)
	names, list := archive.ListIn(t.Context(), s, "")
	if len(names) > 0 || list != nil || s.Remove(t.Context(), "bodies/x") != nil || s.Flush(t.Context()) != nil {
		t.Errorf("List = %v, %v; want no names, and no error of List, Remove or Flush", names, list)
	}
	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("calls that write nothing made the folder: %v", err)
	}
	if err := s.Put(t.Context(), "a/b.xml", []byte("x"), ""); err != nil {
		t.Fatal(err)
	}
	if data, err := s.Get(t.Context(), "a/b.xml"); err != nil || string(data) != "x" {
		t.Errorf("after the first write, Get = %s, %v, want x", data, err)
	}
}

// The mount point of a share that is not mounted stays as empty as it is.
func TestFolder_IsEmpty_ReadersWriteNothingIntoIt(t *testing.T) {
	dir := t.TempDir()
	s := openLater(t, dir)
	if _, err := s.Get(t.Context(), "a/b.xml"); !errors.Is(err, archive.ErrNotFound) || errors.Is(err, archive.ErrNoFolder) {
		t.Errorf("Get = %v, want ErrNotFound without ErrNoFolder", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("the folder has %v, %v, want nothing in it", entries, err)
	}
}

func TestOwned_UsedBeforeAndItsFolderIsMissing_IsRefusedAndNotMade(t *testing.T) {
	dir, known := filepath.Join(t.TempDir(), "archive"), uses{}
	same := func(a, b archive.Owner) bool { return a == b }
	s := openLater(t, dir)
	if empty, err := archive.Owned(s, ownTest, same, known).Empty(t.Context()); !empty || err != nil {
		t.Errorf("for an archive that was never used, Empty = %v, %v, want true", empty, err)
	}
	known[s.URL("")] = true
	o := archive.Owned(s, ownTest, same, known)
	_, get := o.Get(t.Context(), "a/b.xml")
	_, list := o.List(t.Context(), "")
	_, empty := o.Empty(t.Context())
	for call, err := range map[string]error{"Get": get, "List": list, "Empty": empty, "Verify": o.Verify(t.Context()),
		"Put": o.Put(t.Context(), "a/b.xml", []byte("x"), ""), "Check": o.Check(t.Context())} {
		refused, ok := errors.AsType[*archive.UnmarkedError](err)
		if !ok || !refused.NoFolder || errors.Is(err, archive.ErrNotFound) || !strings.Contains(err.Error(), "its folder does not exist") {
			t.Errorf("%s = %v, want an UnmarkedError that says that the folder does not exist", call, err)
		}
	}
	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the calls made the folder: %v", err)
	}
}

// An archive without its mark does not count as empty when it has the folder of a seller. For
// example, a copy of some months has such a folder and no mark.
func TestOwned_NoMark_IsEmptyUnlessItHasTheFolderOfASeller(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "lost+found"), 0o700); err != nil {
		t.Fatal(err)
	}
	if empty, err := owned(t, dir, ownTest).Empty(t.Context()); !empty || err != nil {
		t.Errorf("Empty = %v, %v, want true", empty, err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "5265877635", "2026-11"), 0o700); err != nil {
		t.Fatal(err)
	}
	if empty, err := owned(t, dir, ownTest).Empty(t.Context()); empty || err != nil {
		t.Errorf("with the folder of a seller, Empty = %v, %v, want false", empty, err)
	}
	marked := owned(t, t.TempDir(), ownTest)
	if err := marked.Claim(t.Context()); err != nil {
		t.Fatal(err)
	}
	if empty, err := marked.Empty(t.Context()); empty || err != nil {
		t.Errorf("with its mark, Empty = %v, %v, want false", empty, err)
	}
}
