package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func TestHoldFolder_LeavingsOfKilledProcesses_AloneAreRemoved(t *testing.T) {
	const ofExport, ofProof = ".enqueue-ABCDEFGHIJKLMNOPQRSTUVWX27", ".enqueue-123456789"
	others := []string{".enqueue-", ".enqueue-notes", ".enqueue-ABCDEFGHIJKLMNOPQRSTUVWX27.xml", "enqueue-1", ".hidden"}
	dir := t.TempDir()
	write := func(names ...string) {
		for _, name := range names {
			if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	left := func() (names []string) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	write(append(others, ofExport, ofProof)...)
	if err := os.Mkdir(filepath.Join(dir, ".enqueue-1"), 0o700); err != nil {
		t.Fatal(err)
	}
	removed, release := holdFolder(root)
	want := append(slices.Clone(others), ".enqueue-1")
	slices.Sort(want)
	if got := left(); removed != 2 || !slices.Equal(got, want) {
		t.Fatalf("%d files were removed, want 2; left are %q, want %q", removed, got, want)
	}

	// Another process writes into the folder, so only files that are old are removed.
	write(ofExport, ofProof)
	long := time.Now().Add(-2 * leftBehind)
	if err := os.Chtimes(filepath.Join(dir, ofProof), long, long); err != nil {
		t.Fatal(err)
	}
	removed, second := holdFolder(root)
	if got := left(); removed != 1 || !slices.Contains(got, ofExport) {
		t.Errorf("while another process holds the folder, %d files were removed, want one; left are %q, want %q among them",
			removed, got, ofExport)
	}
	second()
	release()
	if removed, release = holdFolder(root); removed != 1 {
		t.Errorf("when no other process holds the folder, %d files were removed, want one; left are %q", removed, left())
	}
	release()
}
