package archive_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"ksefworker/internal/archive"
)

// A process that may open no more files cannot open the folder. That stands in for a network share
// that is broken for some time.
func TestOpen_FolderTemporarilyUnavailable_ReturnsAStoreThatWorksLater(t *testing.T) {
	dir := t.TempDir()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 3, Max: limit.Max}); err != nil {
		t.Fatal(err)
	}
	s, err := archive.Open(t.Context(), "file://"+dir, archive.Options{})
	var putErr error
	if err == nil {
		putErr = s.Put(t.Context(), "a.xml", []byte("x"), "")
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatalf("Open = %v, want a store although the folder cannot be opened", err)
	}
	defer s.Close()
	if !errors.Is(putErr, syscall.EMFILE) {
		t.Errorf("Put while no file can be opened = %v, want EMFILE from the system", putErr)
	}
	if err := s.Put(t.Context(), "a.xml", []byte("x"), ""); err != nil {
		t.Errorf("once files can be opened again, Put = %v, want no error", err)
	}
}

// A fault that only a person can fix is reported at once.
func TestOpen_FolderIsAFile_FailsAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "archive")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var at *fs.PathError
	if s, err := archive.Open(t.Context(), "file://"+path, archive.Options{}); !errors.As(err, &at) {
		t.Errorf("Open = %v, %v, want a PathError", s, err)
	}
}
