package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

var configType = reflect.TypeFor[Config]()

// yamlKey is one key of the file with its Go type. A nil type means that no such setting exists.
type yamlKey struct {
	path, name string
	line       int
	value      *yaml.Node
	goType     reflect.Type
	siblings   []string
}

// keysOf returns the keys of a document in the order of the file. It does not follow aliases,
// because the keys of an alias are listed at its anchor.
func keysOf(tree *yaml.Node) []yamlKey {
	var keys []yamlKey
	var walk func(n *yaml.Node, at string, t reflect.Type)
	walk = func(n *yaml.Node, at string, t reflect.Type) {
		switch n.Kind {
		case yaml.DocumentNode:
			for _, child := range n.Content {
				walk(child, at, t)
			}
		case yaml.SequenceNode:
			var item reflect.Type
			if t != nil && t.Kind() == reflect.Slice {
				item = t.Elem()
			}
			for i, child := range n.Content {
				walk(child, fmt.Sprintf("%s[%d]", at, i), item)
			}
		case yaml.MappingNode:
			fields := yamlFields(t)
			names := make([]string, 0, len(fields))
			for name := range fields {
				names = append(names, name)
			}
			slices.Sort(names)
			for i := 0; i+1 < len(n.Content); i += 2 {
				name, value := n.Content[i], n.Content[i+1]
				path := strings.TrimPrefix(at+"."+name.Value, ".")
				keys = append(keys, yamlKey{path, name.Value, name.Line, value, fields[name.Value], names})
				walk(value, path, fields[name.Value])
			}
		}
	}
	walk(tree, "", configType)
	return keys
}

// yamlFields maps the keys of a struct to their types; it is empty for any other type.
func yamlFields(t reflect.Type) map[string]reflect.Type {
	fields := map[string]reflect.Type{}
	if t == nil || t.Kind() != reflect.Struct {
		return fields
	}
	for i := range t.NumField() {
		if name := t.Field(i).Tag.Get("yaml"); name != "" && name != "-" {
			fields[name] = t.Field(i).Type
		}
	}
	return fields
}

// findKey returns the key that a message of the decoder is about. In flow style a line has many
// keys, and findKey returns the first that fits.
func findKey(keys []yamlKey, line string, fits func(yamlKey) bool) yamlKey {
	n := lineNumber(line)
	for _, k := range keys {
		if (k.line == n || k.value.Line == n) && fits(k) {
			return k
		}
	}
	return yamlKey{}
}

// field returns the path of the key, or the line when the key is unknown.
func (k yamlKey) field(line string) string {
	if k.path == "" {
		return "line " + line
	}
	return k.path
}

func (k yamlKey) isDuration() bool { return k.goType == reflect.TypeFor[time.Duration]() }

func (k yamlKey) isSize() bool { return k.goType == reflect.TypeFor[Size]() }

// hint returns what the operator probably meant.
func (k yamlKey) hint() string {
	if slices.Contains(k.siblings, k.name+"_file") {
		return fmt.Sprintf("; secrets are given as files: %s_file", k.name)
	}
	best, nearest := "", 3
	for _, s := range k.siblings {
		if d := distance(k.name, s, nearest); d < nearest {
			best, nearest = s, d
		}
	}
	if best != "" {
		return fmt.Sprintf("; did you mean %s?", best)
	}
	if len(k.siblings) > 0 && len(k.siblings) <= 20 {
		return "; known keys are " + strings.Join(k.siblings, ", ")
	}
	return ""
}

// distance returns the Levenshtein distance of a and b. If the difference of their lengths is at
// least the parameter enough, distance returns that parameter without counting.
func distance(a, b string, enough int) int {
	if len(a)-len(b) >= enough || len(b)-len(a) >= enough {
		return enough
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(diagonal+cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
