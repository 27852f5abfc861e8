package waiting

import (
	"os"
	"strings"
	"testing"
)

// README says for every reason what to do about it.
func TestReadme_TableOfReasons_NamesEveryReason(t *testing.T) {
	raw, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(raw), "| `waiting_for` |")
	if !found {
		t.Fatal("README has no table of reasons")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	for _, r := range Reasons() {
		if !strings.Contains(table, "`"+string(r)+"`") {
			t.Errorf("README does not say what to do about the reason %s", r)
		}
	}
}
