package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Files is a list of paths. In YAML a single path needs no brackets; in a variable the paths are
// separated by commas.
type Files []string

// UnmarshalText reads paths that are separated by commas.
func (f *Files) UnmarshalText(text []byte) error {
	var out Files
	for path := range strings.SplitSeq(string(text), ",") {
		if path = strings.TrimSpace(path); path == "" {
			return errors.New("has no file name between two commas")
		}
		out = append(out, path)
	}
	*f = out
	return nil
}

// UnmarshalYAML reads one path or a list of them. In YAML a path may contain a comma.
func (f *Files) UnmarshalYAML(node *yaml.Node) error {
	nodes := []*yaml.Node{node}
	if node.Kind == yaml.SequenceNode {
		nodes = node.Content
	}
	out := make(Files, 0, len(nodes))
	for _, n := range nodes {
		if n.Kind != yaml.ScalarNode || n.Value == "" || n.Tag == "!!null" {
			what := "names no file: write one path, or a list of paths"
			return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: %s", n.Line, what)}}
		}
		out = append(out, n.Value)
	}
	*f = slices.Clip(out)
	return nil
}
