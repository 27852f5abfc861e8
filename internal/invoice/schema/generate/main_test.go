package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRun_WithoutSchemas_SaysWhatToDoAndWritesNothing(t *testing.T) {
	for from, says := range map[string]string{"": "make schemas", t.TempDir(): "schemat_FA(3)_v1-0E.xsd"} {
		to := filepath.Join(t.TempDir(), "tables.go")
		var out strings.Builder
		if code := run(from, to, &out); code == 0 || !strings.Contains(out.String(), says) {
			t.Errorf("the command ended with exit code %d and said %q, want a code other than 0 and %q", code, out.String(), says)
		}
		if _, err := os.Stat(to); err == nil {
			t.Error("the command failed, but wrote a table")
		}
	}
}
