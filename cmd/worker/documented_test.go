package main

import (
	"io"
	"testing"

	"ksefworker/internal/testbed/manual"
)

// Every command line in the manual, what the containers run, and how their health is asked for.
func TestDocuments_EveryCommandLineInTheManual_IsTakenByTheProgram(t *testing.T) {
	lines, err := manual.Lines("../..", "worker")
	if err != nil || len(lines) < 8 {
		t.Fatal(lines, err)
	}
	var f flags
	parser, err := f.parser(io.Discard, io.Discard, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		if _, err := parser.Parse(line.Args); err != nil {
			t.Errorf("%s: %v", line.At, err)
		}
	}
}
