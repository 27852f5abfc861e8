package main

import (
	"io"
	"testing"

	"ksefworker/internal/testbed/manual"
)

// The command lines are those in the manual, those that the containers run, and those that ask for
// the health of the containers.
func TestDocuments_EveryCommandLineInTheManual_IsTakenByTheProgram(t *testing.T) {
	lines, err := manual.Lines("../..", "worker")
	if err != nil || len(lines) < 8 {
		t.Fatalf("the manual has the command lines %v (error %v), want at least 8", lines, err)
	}
	var f flags
	parser, err := f.parser(io.Discard, io.Discard, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		if _, err := parser.Parse(line.Args); err != nil {
			t.Errorf("the command line %s is refused: %v", line.At, err)
		}
	}
}
