package main

import (
	"io"
	"slices"
	"testing"
)

// File names and refs are bytes, in whatever encoding another program uses.
func TestCommandLine_NotUTF8_KeepsItsBytes(t *testing.T) {
	var g grammar
	parser, err := g.parser(io.Discard, io.Discard, func() {})
	if err != nil {
		t.Fatal(err)
	}
	paths := []string{"zam\xf3wienie.xml", "f\xb3.zip"}
	if _, err := parser.Parse(append([]string{"submit", "--ref", "zam\xb3"}, paths...)); err != nil {
		t.Fatal(err)
	}
	if g.Submit.Ref != "zam\xb3" || !slices.Equal(g.Submit.Paths, paths) {
		t.Errorf("the parser read ref %q and paths %q, want the same bytes as given", g.Submit.Ref, g.Submit.Paths)
	}
}
