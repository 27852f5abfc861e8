package archive_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ksefworker/internal/archive"
)

// remake removes a folder and makes it again.
func remake(t *testing.T, dir string) {
	t.Helper()
	if err := errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o700)); err != nil {
		t.Fatal(err)
	}
}

// A person removes the archive's folder and makes it again while a worker runs. The next call of
// any kind fails, and says that the folder was removed or replaced. It never says that a document
// is missing.
func TestFolder_RemovedAndMadeAgain_OneCallFailsAndTheNextWork(t *testing.T) {
	for what, call := range map[string]func(archive.Store) error{
		"put":     func(s archive.Store) error { return s.Put(t.Context(), "n/b.xml", []byte("x"), "") },
		"replace": func(s archive.Store) error { return s.Replace(t.Context(), "n/b.json", []byte("{}"), "") },
		"get":     func(s archive.Store) error { _, err := s.Get(t.Context(), "n/a.xml"); return err },
		"remove":  func(s archive.Store) error { return s.Remove(t.Context(), "bodies/a") },
		"flush":   func(s archive.Store) error { return s.Flush(t.Context(), "n/a.xml") },
		"check":   func(s archive.Store) error { return s.Check(t.Context()) },
	} {
		dir := filepath.Join(t.TempDir(), "kept")
		s := open(t, "file://"+dir)
		put(t, s, "n/a.xml", "<a/>")
		remake(t, dir)
		if err := call(s); err == nil || errors.Is(err, archive.ErrNotFound) || !strings.Contains(err.Error(), "was removed or replaced") {
			t.Errorf("%s = %v, want the error that the folder was removed or replaced", what, err)
		}
		put(t, s, "n/c.xml", "<c/>")
		if err := errors.Join(s.Flush(t.Context(), "n/c.xml"), s.Check(t.Context())); err != nil {
			t.Errorf("%s: the calls after the first fail too: %v, want no error", what, err)
		}
		if held, err := os.ReadFile(filepath.Join(dir, "n", "c.xml")); err != nil || string(held) != "<c/>" {
			t.Errorf("%s: the new file holds %q, %v; want <c/>", what, held, err)
		}
	}
}

// A file was put but not flushed when the folder was replaced. The new folder lacks this file, so a
// flush must not call the file durable.
func TestFolder_ReplacedBeforeAFlush_WhatWasPutIsNotCalledDurable(t *testing.T) {
	for what, replace := range map[string]func(string) error{
		"removed":    os.RemoveAll,
		"moved away": func(dir string) error { return os.Rename(dir, dir+".old") },
	} {
		dir := filepath.Join(t.TempDir(), "kept")
		s := open(t, "file://"+dir)
		put(t, s, "n/a.xml", "<a/>")
		if err := errors.Join(replace(dir), os.Mkdir(dir, 0o700)); err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second flush opens the new folder
			if err := s.Flush(t.Context(), "n/a.xml"); err == nil {
				t.Errorf("%s: the flush reports no error although the folder was replaced", what)
			}
		}
		put(t, s, "n/b.xml", "<b/>") // the folder n exists again
		if err := s.Flush(t.Context(), "n/a.xml"); err == nil {
			t.Errorf("%s: the flush reports no error although the file is missing", what)
		}
		put(t, s, "n/a.xml", "<a/>")
		if err := s.Flush(t.Context(), "n/a.xml"); err != nil {
			t.Errorf("%s: after the file was put again, Flush = %v, want no error", what, err)
		}
	}
}

// The folder is removed, and a link to another folder is in its place. The link is not followed.
// The folder itself is used again when it is back.
func TestFolder_ReplacedByALink_IsNotFollowed(t *testing.T) {
	base := t.TempDir()
	dir, other := filepath.Join(base, "kept"), filepath.Join(base, "other")
	s := open(t, "file://"+dir)
	put(t, s, "n/a.xml", "<a/>")
	if err := errors.Join(os.RemoveAll(dir), os.Mkdir(other, 0o700), os.Symlink(other, dir)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Put(t.Context(), "n/b.xml", []byte("x"), ""); err == nil {
			t.Error("Put returned no error: it followed the link")
		}
	}
	if err := s.Put(t.Context(), "n/b.xml", []byte("x"), ""); !strings.Contains(err.Error(), "restart this process") {
		t.Errorf("Put = %v, want it to say that this process must be restarted", err)
	}
	if entries, err := os.ReadDir(other); err != nil || len(entries) > 0 {
		t.Errorf("the other folder has %v, %v, want nothing in it", entries, err)
	}
	if err := errors.Join(os.Remove(dir), os.Mkdir(dir, 0o700)); err != nil {
		t.Fatal(err)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Errorf("when the folder itself is back, Check = %v, want no error", err)
	}
}

// The archive's folder is replaced by the archive of another environment. Nothing is written there,
// and nothing is read from it.
func TestOwned_FolderIsReplacedByThatOfAnotherEnvironment_ItIsRefused(t *testing.T) {
	dir, live := filepath.Join(t.TempDir(), "kept"), filepath.Join(t.TempDir(), "live")
	if err := owned(t, live, ownLive).Put(t.Context(), "n/a.xml", []byte("<live/>"), ""); err != nil {
		t.Fatal(err)
	}
	s := owned(t, dir, ownTest)
	if err := s.Put(t.Context(), "n/a.xml", []byte("<a/>"), ""); err != nil {
		t.Fatal(err)
	}
	before := filesIn(t, live)
	if err := errors.Join(os.RemoveAll(dir), os.Rename(live, dir)); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Get(t.Context(), "n/missing.xml"); err == nil || errors.Is(err, archive.ErrNotFound) {
		t.Errorf("Get = %q, %v, want an error other than ErrNotFound", got, err)
	}
	if _, ok := errors.AsType[*archive.OwnerError](s.Put(t.Context(), "n/b.xml", []byte("x"), "")); !ok {
		t.Error("Put did not ask who owns the folder now")
	}
	if got, err := s.Get(t.Context(), "n/a.xml"); err == nil {
		t.Errorf("Get = %q, want an error", got)
	}
	if after := filesIn(t, dir); len(after) != len(before) {
		t.Errorf("the other environment's archive has the files %v, want %v as before", after, before)
	}
}

// A folder that was made again belongs to nobody, so the first call that writes claims it.
func TestOwned_FolderIsMadeAgain_IsClaimedAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "kept")
	s := owned(t, dir, ownTest)
	if err := s.Claim(t.Context()); err != nil {
		t.Fatal(err)
	}
	remake(t, dir)
	_ = s.Put(t.Context(), "n/a.xml", []byte("x"), "")
	if err := s.Put(t.Context(), "n/a.xml", []byte("x"), ""); err != nil {
		t.Fatal(err)
	}
	if _, ok := errors.AsType[*archive.OwnerError](owned(t, dir, ownLive).Claim(t.Context())); !ok {
		t.Error("another environment may claim the folder that was made again")
	}
}
