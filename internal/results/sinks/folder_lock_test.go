package sinks

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// written is a moment of the day whose file the tests write.
var written = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// Two receivers, or workers of two pools, may write to the same folder by different paths. The lock
// in the folder keeps them apart.
func TestFolder_SeveralWritersByDifferentPaths_NothingIsLost(t *testing.T) {
	const batches = 100
	for _, byDay := range []bool{true, false} {
		t.Run(fmt.Sprint("by day ", byDay), func(t *testing.T) {
			dir, link := t.TempDir(), filepath.Join(t.TempDir(), "link")
			if err := os.Symlink(dir, link); err != nil {
				t.Fatal(err)
			}
			var running sync.WaitGroup
			for w, path := range []string{dir, link, dir + "/../" + filepath.Base(dir)} {
				f := &Folder{Dir: path, ByDay: byDay, Zone: time.UTC, Timeout: time.Minute}
				running.Go(func() {
					for n := range batches {
						m := message(fmt.Sprintf("inv-%d-%d", w, n))
						m.At = written
						if err := errors.Join(f.Deliver(t.Context(), []Message{m})...); err != nil {
							t.Error(err)
						}
					}
				})
			}
			running.Wait()
			if byDay {
				raw, err := os.ReadFile(filepath.Join(dir, "results-2026-11-26.ndjson"))
				if n := strings.Count(string(raw), "}\n"); err != nil || n != 3*batches || strings.Count(string(raw), "{") != n {
					t.Errorf("the file has %d whole lines (error %v), want %d and no other line", n, err, 3*batches)
				}
			} else if files, _ := filepath.Glob(filepath.Join(dir, "*.json")); len(files) != 3*batches {
				t.Errorf("there are %d files, want %d, one for each result", len(files), 3*batches)
			}
		})
	}
}

// Half a line that another process is writing now is not mistaken for half a line that a killed
// process left.
func TestFolder_AnotherProcessHasTheLock_NothingIsTouchedUntilItIsFree(t *testing.T) {
	f := &Folder{Dir: t.TempDir(), ByDay: true, Zone: time.UTC, Timeout: 100 * time.Millisecond}
	path := filepath.Join(f.Dir, "results-2026-11-26.ndjson")
	put := func() error {
		m := message("inv-a")
		m.At = written
		return f.Deliver(t.Context(), []Message{m})[0]
	}
	other, err := openLock(filepath.Join(f.Dir, lockName))
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := tryLock(other); !ok || err != nil {
		t.Fatalf("the other process gets the lock: %t (error %v), want true", ok, err)
	}
	if err := os.WriteFile(path, []byte(`{"id":"inv-b`), 0o600); err != nil {
		t.Fatal(err)
	}
	err = put()
	if _, out := errors.AsType[*OutageError](err); !out || !errors.Is(err, errLocked) {
		t.Errorf("Deliver = %v, want an outage because of the lock", err)
	}
	if raw, err := os.ReadFile(path); err != nil || string(raw) != `{"id":"inv-b` {
		t.Errorf("while another process has the lock, the file is %s (error %v), want it unchanged", raw, err)
	}
	if err := errors.Join(os.WriteFile(path, []byte("{\"id\":\"inv-b\"}\n"), 0o600), other.Close()); err != nil {
		t.Fatal(err)
	}
	f.Timeout = time.Minute
	if err := put(); err != nil {
		t.Error(err)
	}
	if raw, err := os.ReadFile(path); err != nil || string(raw) != "{\"id\":\"inv-b\"}\n{\"id\":\"inv-a\"}\n" {
		t.Errorf("once the lock is free, the file is %s (error %v), want the other process's line and then this one's", raw, err)
	}
}

// A program that tidies the folder may remove the lock's file while a writer has the lock. From
// then on the removed file is not the lock, and the next writer makes a new file.
func TestFolder_LockWasRemoved_AnotherOneIsTaken(t *testing.T) {
	f := &Folder{Dir: t.TempDir(), ByDay: true, Zone: time.UTC, Timeout: time.Minute}
	path := filepath.Join(f.Dir, lockName)
	first, err := openLock(path)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if ok, _ := tryLock(first); !ok || !inPlace(first, path) {
		t.Fatal("the lock was not taken")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if inPlace(first, path) {
		t.Error("a removed file counts as the lock")
	}
	m := message("inv-a")
	m.At = written
	if err := f.Deliver(t.Context(), []Message{m})[0]; err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

// Somebody who may write into the folder puts a link in the place of the lock's file. No file is
// made where the link leads, and the receiver is out until the link is gone.
func TestFolder_LockIsALink_NothingIsMadeBehindIt(t *testing.T) {
	f := &Folder{Dir: t.TempDir(), ByDay: true, Zone: time.UTC, Timeout: time.Minute}
	victim, link := filepath.Join(t.TempDir(), "victim"), filepath.Join(f.Dir, lockName)
	if err := os.Symlink(victim, link); err != nil {
		t.Fatal(err)
	}
	m := message("inv-a")
	m.At = written
	if err := f.Deliver(t.Context(), []Message{m})[0]; err == nil {
		t.Error("the folder was written without the lock")
	}
	if _, err := os.Lstat(victim); err == nil {
		t.Error("a file was made behind the link")
	}
	if err := os.Remove(link); err != nil {
		t.Fatal(err)
	}
	if err := f.Deliver(t.Context(), []Message{m})[0]; err != nil {
		t.Error(err)
	}
}
