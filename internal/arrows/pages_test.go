package arrows

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// docs/architecture.md guides a newcomer by file names.
func TestArchitecture_NamedFiles_Exist(t *testing.T) {
	page, err := os.ReadFile("../../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`((?:internal|cmd|config|docs|tasks|settlement)/[A-Za-z0-9_./]+\\.[a-z]+)`").FindAllStringSubmatch(string(page), -1)
	if len(named) < 30 {
		t.Fatalf("the page names only %d files, want at least 30: has its form changed?", len(named))
	}
	for _, n := range named {
		if _, err := os.Stat(filepath.Join("..", "..", n[1])); err == nil {
			continue
		}
		if _, err := os.Stat(filepath.Join("..", n[1])); err != nil { // tasks/confirm.go is short for internal/tasks/confirm.go
			t.Errorf("docs/architecture.md names %s, which does not exist", n[1])
		}
	}
}

// The package comment of tasks lists the files of the package in the order in which to read them.
func TestReadingOrder_OfTasks_HasEveryFileOnce(t *testing.T) {
	const room = "../tasks"
	doc, err := os.ReadFile(filepath.Join(room, "doc.go"))
	if err != nil {
		t.Fatal(err)
	}
	listed := regexp.MustCompile(`\b[a-z_]+\.go\b`).FindAllString(string(doc), -1)
	entries, err := os.ReadDir(room)
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, e := range entries {
		if name := e.Name(); strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") && name != "doc.go" {
			files = append(files, name)
		}
	}
	for _, name := range files {
		if n := len(slices.DeleteFunc(slices.Clone(listed), func(l string) bool { return l != name })); n != 1 {
			t.Errorf("%s is in the reading order of doc.go %d times, want once", name, n)
		}
	}
	for _, name := range listed {
		if !slices.Contains(files, name) {
			t.Errorf("doc.go lists %s, which does not exist", name)
		}
	}
}
