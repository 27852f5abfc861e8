package main

import (
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"ksefworker/internal/testbed/manual"
)

// leftOut matches the parser's error about a command that lacks a required argument or flag. A
// sentence of the manual may say only "enqueue export", and the reader adds --to.
var leftOut = regexp.MustCompile(`^expected ("<|one of)|^missing `)

// Every command line in the manual, and every command that the containers run, is parsed as the
// program parses it.
func TestDocuments_EveryCommandLineInTheManual_IsTakenByTheProgram(t *testing.T) {
	lines, err := manual.Lines("../..", "enqueue")
	if err != nil {
		t.Fatal(err)
	}
	var g grammar
	parser, err := g.parser(io.Discard, io.Discard, func() {})
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, line := range lines {
		args := line.Args
		if !line.Whole {
			args = valued(parser.Model.Node, args)
		}
		parsed, err := parser.Parse(args)
		if err != nil {
			if line.Whole || !leftOut.MatchString(err.Error()) {
				t.Errorf("%s: the program does not take this command line: %v", line.At, err)
			}
			continue
		}
		c, checks := g.called(strings.Fields(parsed.Command())).(interface{ check() error })
		if !line.Whole || !checks {
			continue
		}
		checked++
		// A line may name a folder that an earlier line of the manual makes. Here the folder does
		// not exist.
		if err := c.check(); err != nil && !strings.Contains(err.Error(), "no such file or directory") {
			t.Errorf("%s: the program does not take this command line: %v", line.At, err)
		}
	}
	if len(lines) < 100 || checked < 10 {
		t.Errorf("found %d command lines and checked the values of %d, want at least 100 and 10", len(lines), checked)
	}
}

// valued gives a value to each flag that a sentence of the manual names without one, and replaces a
// placeholder of one letter, such as the D of --since D. The value is always a day.
func valued(n *kong.Node, args []string) []string {
	var out []string
	for i, arg := range args {
		at := slices.IndexFunc(n.Children, func(c *kong.Node) bool { return c.Name == arg })
		if at >= 0 && len(out) == i {
			n = n.Children[at]
		}
		if len(arg) == 1 && i > 0 && strings.HasPrefix(args[i-1], "--") {
			arg = "2026-11-24"
		}
		out = append(out, arg)
		name, flag := strings.CutPrefix(arg, "--")
		last := i == len(args)-1 || strings.HasPrefix(args[i+1], "--")
		takes := slices.ContainsFunc(n.Flags, func(f *kong.Flag) bool { return f.Name == name && !f.IsBool() })
		if flag && last && takes {
			out = append(out, "2026-11-24")
		}
	}
	return out
}
