package schematest

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// WellFormed returns for each document whether xmllint finds it well-formed. xmllint must be
// installed. One process reads all documents, because starting a process costs more than reading a
// document.
func WellFormed(t testing.TB, docs [][]byte) []bool {
	t.Helper()
	dir := t.TempDir()
	args := []string{"--nonet", "--noout"}
	for i, doc := range docs {
		file := filepath.Join(dir, fmt.Sprintf("%d.xml", i))
		write(t, file, doc)
		args = append(args, file)
	}
	// Namespace errors leave the exit code at 0. They appear on standard error only.
	out, err := exec.Command("xmllint", args...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	accepts := make([]bool, len(docs))
	for i := range accepts {
		accepts[i] = true
	}
	// "…/7.xml:1: parser error : …", "…/7.xml:1: namespace error : …"; other lines quote the
	// document.
	for line := range strings.Lines(string(out)) {
		rest, found := strings.CutPrefix(line, dir+string(filepath.Separator))
		number, complaint, _ := strings.Cut(rest, ".xml:")
		if i, err := strconv.Atoi(number); found && err == nil && strings.Contains(complaint, " error :") {
			accepts[i] = false
		}
	}
	return accepts
}
