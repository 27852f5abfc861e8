package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"
)

// The system's sync cannot be made to fail by a test without a broken disk, so the descriptor that it goes through is closed.
func TestFolder_FailedFlush_StaysFailedUntilPutAgain(t *testing.T) {
	ctx := t.Context()
	store, err := Open(ctx, "file://"+t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	f := store.(*folder)
	putAll := func() {
		t.Helper()
		for i := range manyFiles + 1 {
			if err := f.Put(ctx, fmt.Sprintf("%d.xml", i), []byte("<a/>"), ""); err != nil {
				t.Fatal(err)
			}
		}
	}
	putAll()
	whole := f.self
	if err := whole.Close(); err != nil {
		t.Fatal(err)
	}
	if err := syncFileSystem(whole); errors.Is(err, errors.ErrUnsupported) {
		t.Skip("no syncfs on this system")
	}
	if err := f.Flush(ctx); err == nil {
		t.Fatal("Flush hides a failed sync")
	}
	if f.self, err = f.root.Open("."); err != nil { // the disk works again
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Flush(ctx); err == nil {
		t.Fatal("the second Flush says that lost bytes are durable")
	}
	before := inode(t, f, "7.xml")
	putAll()
	if fs.FileInfo.ModTime(before).Equal(inode(t, f, "7.xml").ModTime()) {
		t.Error("what was lost was not written anew")
	}
	if err := f.Flush(ctx); err != nil {
		t.Errorf("after everything was put again: %v", err)
	}
}

func TestFolder_InterruptedFlush_IsDoneByTheNext(t *testing.T) {
	store, err := Open(t.Context(), "file://"+t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	f := store.(*folder)
	defer f.Close()
	if err := f.Put(t.Context(), "a.xml", []byte("<a/>"), ""); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.sync(ctx, f.pending); !errors.Is(err, errInterrupted) || !errors.Is(err, context.Canceled) {
		t.Errorf("sync = %v", err)
	}
	if err := f.Flush(ctx); !errors.Is(err, context.Canceled) || len(f.pending) != 1 || len(f.unproven) != 0 {
		t.Errorf("Flush = %v, %d pending, %d unproven", err, len(f.pending), len(f.unproven))
	}
	if err := f.Flush(t.Context()); err != nil || len(f.pending) != 0 {
		t.Errorf("Flush = %v, %d pending", err, len(f.pending))
	}
}

func inode(t *testing.T, f *folder, name string) fs.FileInfo {
	t.Helper()
	info, err := f.root.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	return info
}
