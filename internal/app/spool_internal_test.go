package app

import (
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/internal/pack"
)

// While a worker runs, its spool gets folders of processes that were killed twenty minutes ago. The
// worker removes these folders without being started again. The folder of a living process stays.
func TestTidySpool_OwnersAreKilledWhileAWorkerRuns_TheirFoldersAreRemoved(t *testing.T) {
	dir, stop, ended := t.TempDir(), make(chan struct{}), make(chan struct{})
	entry := func(yield func(pack.Entry, error) bool) { yield(pack.Entry{Name: "a.xml", Data: []byte("<a/>")}, nil) }
	alive, err := pack.Build(t.Context(), entry, pack.Options{Dir: dir, Encrypter: sealNothing})
	if err != nil {
		t.Fatal(err)
	}
	defer alive.Remove()
	folders := func() []string {
		found, err := filepath.Glob(filepath.Join(dir, "package-*"))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	grown := func(folder string) {
		old := time.Now().Add(-20 * time.Minute)
		if err := os.Chtimes(folder, old, old); err != nil {
			t.Fatal(err)
		}
	}
	own := folders()
	grown(own[0])
	go func() {
		defer close(ended)
		tidySpool(t.Context(), time.Millisecond, stop, dir, zerolog.Nop())
	}()
	for range 2 { // the second folder appears when the first is gone, which is a while after the start
		folder := filepath.Join(dir, "package-of-a-killed-one")
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "owner.lock"), nil, 0o600); err != nil { // the owner is dead: nobody holds the lock
			t.Fatal(err)
		}
		grown(folder)
		for deadline := time.Now().Add(20 * time.Second); len(folders()) > 1; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("the folder of a killed process is still there: %v", folders())
			}
		}
	}
	close(stop)
	<-ended
	if left := folders(); len(left) != 1 || left[0] != own[0] {
		t.Errorf("the spool is left with the folders %v, want %v", left, own)
	}
}

// sealNothing leaves a part as it is.
func sealNothing(w io.Writer) io.WriteCloser { return unsealed{w} }

type unsealed struct{ io.Writer }

func (unsealed) Close() error { return nil }
