package arrows

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// docs/failures.md promises a test for each line. A renamed or deleted test must not leave its
// promise behind.
func TestFailures_NamedTests_Exist(t *testing.T) {
	page, err := os.ReadFile("../../docs/failures.md")
	if err != nil {
		t.Fatal(err)
	}
	var code strings.Builder
	err = filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		code.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`(Test[A-Za-z0-9_]+)(/[^`]*)?`").FindAllStringSubmatch(string(page), -1)
	if len(named) < 40 {
		t.Fatalf("the page names only %d tests, want at least 40: has its form changed?", len(named))
	}
	for _, n := range named {
		if !strings.Contains(code.String(), "func "+n[1]+"(t *testing.T)") {
			t.Errorf("docs/failures.md names %s, which does not exist", n[1])
		}
		// A row of a table test is named by its parts, such as lane and step, or lane and verb.
		for part := range strings.SplitSeq(strings.Trim(n[2], "/"), "/") {
			if part != "" && !strings.Contains(code.String(), `"`+part+`"`) {
				t.Errorf("docs/failures.md names row %q of %s, which does not exist", part, n[1])
			}
		}
	}
	for line := range strings.Lines(string(page)) {
		header := strings.Contains(line, "---") || strings.Contains(line, "| test |")
		if strings.HasPrefix(line, "| ") && !header && !strings.Contains(line, "`Test") {
			t.Errorf("the page names no test for: %s", line)
		}
	}
}
