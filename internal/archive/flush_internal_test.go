package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// brokenDisk makes the syncs of a folder fail until repair is called. It closes the descriptor that
// syncfs uses, because that makes syncfs fail without a broken disk.
func brokenDisk(t *testing.T, f *folder) (repair func()) {
	t.Helper()
	open := f.tree.Load()
	whole := open.self
	if err := whole.Close(); err != nil {
		t.Fatal(err)
	}
	if err := syncFileSystem(whole); errors.Is(err, errors.ErrUnsupported) {
		t.Skip("no syncfs on this system")
	}
	return func() {
		t.Helper()
		var err error
		if open.self, err = open.root.Open("."); err != nil {
			t.Fatal(err)
		}
	}
}

func putMany(t *testing.T, f *folder) (names []string) {
	t.Helper()
	for i := range manyFiles + 1 {
		names = append(names, fmt.Sprintf("%d.xml", i))
		if err := f.Put(t.Context(), names[i], []byte("<a/>"), ""); err != nil {
			t.Fatal(err)
		}
	}
	return names
}

func openedFolder(t *testing.T) *folder {
	t.Helper()
	store, err := Open(t.Context(), "file://"+t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	f := store.(*guard).Store.(*folder)
	t.Cleanup(func() { f.Close() })
	return f
}

func TestFolder_FailedFlush_TheNextFlushWritesEverythingAgain(t *testing.T) {
	f := openedFolder(t)
	putMany(t, f)
	repair := brokenDisk(t, f)
	if err := f.Flush(t.Context()); err == nil {
		t.Fatal("Flush returns no error after a failed sync")
	}
	before := inode(t, f, "7.xml")
	repair()
	if err := f.Flush(t.Context()); err != nil {
		t.Fatalf("the disk works again: Flush = %v, want no error", err)
	}
	if os.SameFile(before, inode(t, f, "7.xml")) {
		t.Error("the lost file was only synced again, and not written again: the system treats lost pages as clean")
	}
	if len(f.unproven) != 0 {
		t.Errorf("%d files are still unproven, want none", len(f.unproven))
	}
}

// The file no longer has the bytes that were put, so only a caller that has these bytes can write
// the file again. Other files are not affected.
func TestFolder_FailedFlushAndBytesLost_FailsOnlyThatFileUntilPutAgain(t *testing.T) {
	f := openedFolder(t)
	names := putMany(t, f)
	repair := brokenDisk(t, f)
	if err := f.Flush(t.Context(), names...); err == nil {
		t.Fatal("Flush returns no error after a failed sync")
	}
	repair()
	if err := os.Truncate(filepath.Join(f.path, "7.xml"), 0); err != nil {
		t.Fatal(err)
	}
	if err := f.Put(t.Context(), "other.xml", []byte("<b/>"), ""); err != nil {
		t.Fatal(err)
	}
	if err := f.Flush(t.Context(), "other.xml"); err != nil {
		t.Errorf("one file is lost: the flush of another file = %v, want no error", err)
	}
	if err := f.Flush(t.Context(), names...); !errors.Is(err, errUnproven) {
		t.Errorf("Flush of the lost file = %v, want errUnproven", err)
	}
	if err := f.Put(t.Context(), "7.xml", []byte("<a/>"), ""); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Flush(t.Context(), names...), f.Flush(t.Context())); err != nil {
		t.Errorf("after the lost file was put again, Flush = %v, want no error", err)
	}
}

// The flush of one process fails for one file, and then another process flushes this file. The
// first process must be able to go on without a restart.
func TestFolder_FailedFlushRepairedByAnotherProcess_DoesNotBlockTheFirst(t *testing.T) {
	a := openedFolder(t)
	other, err := Open(t.Context(), "file://"+a.path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	const name = "5265877635/2026-11/inv-a.xml"
	if err := a.Put(t.Context(), name, []byte("x"), ""); err != nil {
		t.Fatal(err)
	}
	// A symbolic link to itself in place of the file stands for a share that is unavailable during
	// the sync.
	real := filepath.Join(a.path, name)
	if err := errors.Join(os.Rename(real, real+".keep"), os.Symlink(filepath.Base(real), real)); err != nil {
		t.Fatal(err)
	}
	if err := a.Flush(t.Context(), name); err == nil {
		t.Fatal("Flush returns no error after a failed sync, so this test proves nothing")
	}
	if err := a.Put(t.Context(), "b.xml", []byte("y"), ""); err != nil {
		t.Fatal(err)
	}
	if err := a.Flush(t.Context(), "b.xml"); err != nil {
		t.Errorf("one file cannot be synced: the flush of another file = %v, want no error", err)
	}
	if err := errors.Join(os.Remove(real), os.Rename(real+".keep", real)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(other.Put(t.Context(), name, []byte("x"), ""), other.Flush(t.Context(), name)); err != nil {
		t.Fatal(err)
	}
	if err := a.Flush(t.Context()); err != nil {
		t.Errorf("Flush of the first process = %v, want no error", err)
	}
}

func TestFolder_InterruptedFlush_IsDoneByTheNext(t *testing.T) {
	f := openedFolder(t)
	if err := f.Put(t.Context(), "a.xml", []byte("<a/>"), ""); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.tree.Load().sync(ctx, f.pending); !errors.Is(err, errInterrupted) || !errors.Is(err, context.Canceled) {
		t.Errorf("sync = %v, want an interruption by the context", err)
	}
	if err := f.Flush(ctx); !errors.Is(err, context.Canceled) || len(f.pending) != 1 || len(f.unproven) != 0 {
		t.Errorf("Flush = %v, %d files pending, %d unproven; want Canceled, 1 and 0", err, len(f.pending), len(f.unproven))
	}
	if err := f.Flush(t.Context()); err != nil || len(f.pending) != 0 {
		t.Errorf("Flush = %v with %d files pending, want no error and no file", err, len(f.pending))
	}
}

func inode(t *testing.T, f *folder, name string) fs.FileInfo {
	t.Helper()
	info, err := f.tree.Load().root.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	return info
}
