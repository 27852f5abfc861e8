//go:build unix

package chaos

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLastLogLines_SeveralWorkers_ReturnsTheNewestOfAll(t *testing.T) {
	r := &run{}
	for name, text := range map[string]string{
		"a": `{"id":"pkg-1","time":"2026-01-01T00:00:01Z","message":"one"}` + "\n" +
			`{"id":"pkg-1","time":"2026-01-01T00:00:05Z","message":"five"}` + "\n" +
			`{"id":"pkg-2","time":"2026-01-01T00:00:06Z","message":"of another package"}` + "\n",
		"b": `{"id":"pkg-1","time":"2026-01-01T00:00:03Z","message":"three"}` + "\n" +
			`{"id":"pkg-1","time":"2026-01-01T00:00:04Z","message":"four"}` + "\n",
	} {
		log := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(log, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		r.workers = append(r.workers, &supervisor{name: name, log: log})
	}
	lines := strings.Split(strings.TrimSpace(r.lastLogLines("pkg-1")), "\n")
	if len(lines) != 3 {
		t.Fatalf("there are %d lines, want 3: %q", len(lines), lines)
	}
	for i, want := range []string{"three", "four", "five"} {
		if !strings.Contains(lines[i], want) {
			t.Errorf("line %d is %s, want %s", i, lines[i], want)
		}
	}
}
