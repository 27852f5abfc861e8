package manual

import (
	"slices"
	"testing"
)

func TestLines_BlocksAndSentences_GiveCallsAndNothingElse(t *testing.T) {
	text := "Run `enqueue retry ID`, not `cmd/enqueue`, or `docker compose run --rm enqueue\nopen`.\n" +
		"```console\n$ bin/enqueue submit --ref 'A 1' in/ > log 2>&1 &   # all\nenqueue: 3 handed in\nA=1 enqueue serve | cat\n```\n"
	got := ofText("a.md", text, "enqueue")
	want := []Line{
		{"a.md: $ bin/enqueue submit --ref 'A 1' in/ > log 2>&1 &   # all", []string{"submit", "--ref", "A 1", "in/"}, true},
		{"a.md: A=1 enqueue serve | cat", []string{"serve"}, true},
		{"a.md: enqueue retry ID", []string{"retry", "ID"}, false},
		{"a.md: docker compose run --rm enqueue open", []string{"open"}, false},
	}
	if !slices.EqualFunc(got, want, func(a, b Line) bool { return a.At == b.At && a.Whole == b.Whole && slices.Equal(a.Args, b.Args) }) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

func TestLines_ThisRepository_HasLinesOfEachProgram(t *testing.T) {
	for program, least := range map[string]int{"enqueue": 100, "worker": 8, "simulator": 2} {
		lines, err := Lines("../../..", program)
		if err != nil || len(lines) < least {
			t.Errorf("the manual has %d command lines of %s (error %v), want at least %d", len(lines), program, err, least)
		}
	}
}
