package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Some people send SIGHUP to have a configuration read again. The signal must not stop the intake.
func TestWatch_SIGHUP_IsLoggedAndTheWatchGoesOn(t *testing.T) {
	s := newSite(t)
	inbox := filepath.Join(s.dir, "inbox")
	if err := os.Mkdir(inbox, 0o700); err != nil {
		t.Fatal(err)
	}
	watching := s.start("watch", "--settle", "10ms", "--patience", "10ms", "--poll", "20ms", inbox)
	refused := func(name string) {
		t.Helper()
		s.write(filepath.Join("inbox", name), "<a/>")
		watching.until(name+" is refused", func() bool {
			_, err := os.Stat(filepath.Join(inbox, "refused", name+".json"))
			return err == nil
		})
	}
	refused("first.xml")
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	watching.logs("SIGHUP: .ksef.yaml and key files are reread automatically; restart for any other change")
	refused("second.xml")
	watching.stop()
	if err := <-watching.ended; err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("enqueue watch ended with %v, want no error", err)
	}
}
