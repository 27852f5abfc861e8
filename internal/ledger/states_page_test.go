package ledger

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// rowsOf returns the cells of a table in a section of a page. The first column of the table has the
// header head.
func rowsOf(t *testing.T, page, section, head string) [][]string {
	t.Helper()
	_, rest, found := strings.Cut(page, "\n## "+section+"\n")
	if !found {
		t.Fatalf("the page has no section %q", section)
	}
	rest, _, _ = strings.Cut(rest, "\n## ")
	_, rest, found = strings.Cut(rest, "\n| "+head+" |")
	if !found {
		t.Fatalf("section %q has no table whose first column is %q", section, head)
	}
	var out [][]string
	for line := range strings.Lines(rest) {
		line = strings.TrimSpace(line)
		if line == "" {
			break
		}
		if strings.HasPrefix(line, "| `") {
			cells := strings.Split(strings.Trim(line, "|"), " | ")
			for i := range cells {
				cells[i] = strings.Trim(strings.TrimSpace(cells[i]), "`")
			}
			out = append(out, cells)
		}
	}
	return out
}

func TestStates_ThePageIsTheLedgersTables(t *testing.T) {
	raw, err := os.ReadFile("../../docs/states.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(raw)
	check := func(section string, states []string, may func(from, to string) bool) {
		var listed []string
		for _, row := range rowsOf(t, page, section, "state") {
			listed = append(listed, row[0])
		}
		if !slices.Equal(listed, states) {
			t.Errorf("%s: the page lists %v, the ledger has %v", section, listed, states)
		}
		told := map[string]bool{}
		for _, row := range rowsOf(t, page, section, "from") {
			if len(row) != 4 || row[3] == "" {
				t.Fatalf("%s: the row %v does not say from, to, who and when", section, row)
			}
			for who := range strings.SplitSeq(row[2], ", ") {
				if !slices.Contains([]string{"worker", "sweep", "person", "ledger"}, who) {
					t.Errorf("%s: the move from %s to %s is made by %q, who is neither worker, sweep, person nor ledger",
						section, row[0], row[1], who)
				}
			}
			told[row[0]+" to "+row[1]] = true
		}
		for _, from := range states {
			for _, to := range states {
				if move := from + " to " + to; told[move] != may(from, to) {
					t.Errorf("%s: %s: the page has the move: %v, the ledger allows it: %v", section, move, told[move], may(from, to))
				}
				delete(told, from+" to "+to)
			}
		}
		for move := range maps.Keys(told) {
			t.Errorf("%s: %s is a move between states that do not exist", section, move)
		}
	}
	check("Invoice", texts(States()), func(from, to string) bool { return MayMove(State(from), State(to)) })
	check("Package", texts(PackageStates()), func(from, to string) bool { return MayMovePackage(PackageState(from), PackageState(to)) })
}

// README lists the states for people who read nothing else.
func TestStates_READMEListsThem(t *testing.T) {
	raw, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range States() {
		if !strings.Contains(string(raw), "`"+string(s)+"`") {
			t.Errorf("README.md does not name the state %s", s)
		}
	}
}

func texts[S ~string](states []S) []string {
	out := make([]string, len(states))
	for i, s := range states {
		out[i] = string(s)
	}
	return out
}
