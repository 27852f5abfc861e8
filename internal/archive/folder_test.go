package archive_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/archive"
)

func TestFolder_FilesAndFolders_AreForTheOwnerOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "kept")
	s := open(t, "file://"+dir)
	put(t, s, "5265877635/2026-11/upo/s.xml", "<a/>")
	if err := s.Replace(t.Context(), "5265877635/2026-11/a.json", []byte("{}"), ""); err != nil {
		t.Fatal(err)
	}
	for path, d := range files(t, dir) {
		want := fs.FileMode(0o600)
		if d.IsDir() {
			want = 0o700
		}
		if info, err := d.Info(); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s has mode %o, want %o (%v)", path, info.Mode().Perm(), want, err)
		}
	}
}

func TestFolder_TornFileAfterAPowerCut_IsWrittenAgain(t *testing.T) {
	dir := t.TempDir()
	s := open(t, "file://"+dir)
	const want = "<Faktura>1</Faktura>"
	for _, c := range []struct {
		why, torn string
		err       error
	}{
		{"the name was written to disk, the bytes were not", "", nil},
		{"some of the bytes were written", "<Faktura>", nil},
		{"not the beginning of our document", "<Faktura>2", archive.ErrConflict},
		{"our document and more", want + " ", archive.ErrConflict},
	} {
		if err := os.WriteFile(filepath.Join(dir, "a.xml"), []byte(c.torn), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := s.Put(t.Context(), "a.xml", []byte(want), ""); !errors.Is(err, c.err) {
			t.Errorf("%s: Put = %v, want %v", c.why, err, c.err)
		}
		held, err := s.Get(t.Context(), "a.xml")
		if c.err == nil && string(held) != want || c.err != nil && string(held) != c.torn {
			t.Errorf("%s: the archive has %q (%v), want our document, or after a conflict %q as before", c.why, held, err, c.torn)
		}
	}
}

func TestFolder_SymbolicLinkOutside_IsNotFollowed(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	s := open(t, "file://"+dir)
	if err := os.Symlink(outside, filepath.Join(dir, "bodies")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(outside, "secret"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, getErr := s.Get(t.Context(), "bodies/secret")
	for method, err := range map[string]error{
		"Put":    s.Put(t.Context(), "bodies/new", []byte("x"), ""),
		"Remove": s.Remove(t.Context(), "bodies/secret"),
		"Get":    getErr,
	} {
		if err == nil {
			t.Errorf("%s followed a link out of the archive", method)
		}
	}
	if left, _ := os.ReadDir(outside); len(left) != 1 {
		t.Errorf("the folder outside now contains %v, want the file secret alone", left)
	}
}

func TestFolder_OldWorkFiles_AreRemovedAndYoungOnesKept(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, ".tmp"), 0o700); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-2 * time.Hour)
	for _, name := range []string{"OLD", "YOUNG"} {
		if err := os.WriteFile(filepath.Join(dir, ".tmp", name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chtimes(filepath.Join(dir, ".tmp", "OLD"), old, old); err != nil {
		t.Fatal(err)
	}
	s := open(t, "file://"+dir)
	put(t, s, "a.xml", "x")
	if left, _ := os.ReadDir(filepath.Join(dir, ".tmp")); len(left) != 1 || left[0].Name() != "YOUNG" {
		t.Errorf("the work folder holds %v, want only YOUNG", left)
	}
	if err := os.RemoveAll(filepath.Join(dir, ".tmp")); err != nil { // somebody removes the folder while we run
		t.Fatal(err)
	}
	put(t, s, "b.xml", "x")
}

func TestFolder_ManyFiles_AreFlushedTogether(t *testing.T) {
	dir := t.TempDir()
	s := open(t, "file://"+dir)
	for i := range 600 { // more than manyFiles, so the whole file system is synced
		put(t, s, fmt.Sprintf("n/%d.xml", i), "x")
	}
	if err := errors.Join(s.Flush(t.Context()), s.Flush(t.Context())); err != nil {
		t.Error(err)
	}
}

func TestFolder_FolderIsRemoved_CheckFails(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "kept")
	s := open(t, "file://"+dir)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"was removed or replaced", "make it again"} {
		if err := s.Check(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Check = %v, want an error that says %q", err, want)
		}
	}
	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Check made the folder, which may be the mount point of a share: %v", err)
	}
}

// If a folder cannot be opened, Open fails. With Options.OpenLater, only the calls that need the
// folder fail.
func TestOpen_FolderCannotBeOpened_FailsOrIsOpenedLater(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "away", "archive")
	link := filepath.Join(dir, "link")
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	const why = "which cannot be used"
	_, err := archive.Open(t.Context(), "file://"+link, archive.Options{})
	if err == nil || !strings.Contains(err.Error(), "a link to "+target+", "+why) {
		t.Errorf("Open of a link to a folder that cannot be opened = %v, want an error that names %s and says %q", err, target, why)
	}
	s, err := archive.Open(t.Context(), "file://"+link, archive.Options{OpenLater: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if err := s.Check(t.Context()); err == nil || !strings.Contains(err.Error(), why) {
		t.Errorf("Check = %v, want it to say that the folder cannot be used", err)
	}
	if err := os.MkdirAll(target, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(t.Context(), "a/b.xml", []byte("x"), ""); err != nil {
		t.Errorf("after the target of the link was made, Put = %v, want no error", err)
	}
}

func TestFolder_URL_CanBeOpened(t *testing.T) {
	s := open(t, "file://"+t.TempDir()+"/my%20archive")
	name := "a/FV ż#1?.xml"
	put(t, s, name, "x")
	again := open(t, s.URL("a"))
	if got, err := again.Get(t.Context(), "FV ż#1?.xml"); string(got) != "x" {
		t.Errorf("through the URL %s, Get = %q, %v; want x", s.URL(name), got, err)
	}
}

// BenchmarkFolder_Put20k measures the archive of a night: 20,000 files of 9 kB by eight writers,
// one Flush.
func BenchmarkFolder_Put20k(b *testing.B) {
	data := bytes.Repeat([]byte("<FaWiersz>"), 900)
	for b.Loop() {
		s := open(b, "file://"+b.TempDir())
		done := make(chan error)
		for w := range 8 {
			go func() {
				for i := range 2500 {
					if err := s.Put(b.Context(), fmt.Sprintf("%d/%d.xml", w, i), data, ""); err != nil {
						done <- err
						return
					}
				}
				done <- nil
			}()
		}
		for range 8 {
			if err := <-done; err != nil {
				b.Fatal(err)
			}
		}
		start := time.Now()
		if err := s.Flush(b.Context()); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(time.Since(start).Seconds(), "flush-s")
	}
}

func put(t *testing.T, s archive.Store, name, data string) {
	t.Helper()
	if err := s.Put(t.Context(), name, []byte(data), "application/xml"); err != nil {
		t.Fatal(err)
	}
}

func files(t *testing.T, dir string) map[string]fs.DirEntry {
	t.Helper()
	found := map[string]fs.DirEntry{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		found[path] = d
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// A restore made a folder with the name of a file. Only that file counts as damaged.
func TestFolder_FolderInPlaceOfAFile_TheFileCountsAsDamaged(t *testing.T) {
	dir := t.TempDir()
	s := open(t, "file://"+dir)
	if err := os.Mkdir(filepath.Join(dir, "a.zip"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, whole := s.Get(t.Context(), "a.zip")
	_, _, part := archive.RangeOf(t.Context(), s, "a.zip", 0, 10)
	for call, err := range map[string]error{"Get": whole, "GetRange": part} {
		if !errors.Is(err, archive.ErrCorrupt) || errors.Is(err, archive.ErrNotFound) {
			t.Errorf("%s = %v, want ErrCorrupt", call, err)
		}
	}
}
