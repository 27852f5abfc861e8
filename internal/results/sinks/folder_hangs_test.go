package sinks

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"ksefworker/internal/results"
)

// While the server of a shared folder is away, a write hangs. That is an outage like any other, and
// it ends when the write has ended. In this test a named pipe makes the write hang.
func TestFolder_AWriteHangs_IsOutUntilItEnds(t *testing.T) {
	f := &Folder{Dir: t.TempDir(), Timeout: 50 * time.Millisecond}
	path := filepath.Join(f.Dir, "inv-a.json")
	if err := syscall.Mkfifo(path, 0o600); err != nil { // opening it hangs until another process opens it too
		t.Fatal(err)
	}
	send := func() []error {
		return f.Deliver(t.Context(), []Message{
			{Result: results.Result{ID: "inv-a", Revision: 1}, JSON: []byte("{}")},
			{Result: results.Result{ID: "inv-b", Revision: 1}, JSON: []byte("{}")}})
	}
	for range 3 {
		begun := time.Now()
		for _, err := range send() {
			if _, out := errors.AsType[*OutageError](err); !out || !errors.Is(err, ErrNoAnswer) {
				t.Fatalf("Deliver = %v, want an outage without an answer", err)
			}
		}
		if took := time.Since(begun); took > 10*time.Second {
			t.Errorf("Deliver took %v, want it not to wait for the write that hangs", took)
		}
	}
	other, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err == nil {
		err = errors.Join(os.Remove(path), other.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	f.Timeout = 0
	for until := time.Now().Add(time.Minute); ; {
		err := errors.Join(send()...)
		if err == nil {
			break
		}
		if time.Now().After(until) {
			t.Fatal(err)
		}
		<-time.After(10 * time.Millisecond)
	}
	for _, id := range []string{"inv-a", "inv-b"} {
		if _, err := os.Stat(filepath.Join(f.Dir, id+".json")); err != nil {
			t.Error(err)
		}
	}
}
