//go:build unix

package intake_test

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"ksefworker/internal/intake"
)

func TestRead_NamedPipe_IsRefusedWithoutWaiting(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe.xml")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skipf("no pipes here: %v", err)
	}
	for _, p := range []string{path, filepath.Dir(path)} {
		got := read(t, intake.Options{}, p)
		if len(got) != 1 || !strings.Contains(got[0], "is a pipe, not a file") {
			t.Errorf("the pipe %s gives %q, want one refusal that says that it is a pipe", p, got)
		}
	}
}
