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

// A process that may open no file is as near to a share that does not work as a test comes without
// mounting one.
func TestOpen_FolderDoesNotWorkJustNow_TheStoreIsThereAndWorksLater(t *testing.T) {
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
		t.Fatalf("Open = %v", err)
	}
	defer s.Close()
	if !errors.Is(putErr, syscall.EMFILE) {
		t.Errorf("Put meanwhile = %v", putErr)
	}
	if err := s.Put(t.Context(), "a.xml", []byte("x"), ""); err != nil {
		t.Errorf("Put once it works = %v", err)
	}
}

// What stays as it is until a person changes it is told at once.
func TestOpen_FolderIsAFile_IsToldAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "archive")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var at *fs.PathError
	if s, err := archive.Open(t.Context(), "file://"+path, archive.Options{}); !errors.As(err, &at) {
		t.Errorf("Open = %v, %v", s, err)
	}
}
