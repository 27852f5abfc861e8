package httpintake

import (
	"fmt"
	"iter"
	"strings"

	"gopkg.in/yaml.v3"
)

// schema is a part of the description that says what a value is, as far as the page shows it.
type schema struct {
	Ref         string `yaml:"$ref"`
	Type        string
	Description string
	Enum        []string
	Minimum     int
	Maximum     int
	MinLength   int `yaml:"minLength"`
	MaxLength   int `yaml:"maxLength"`
	Required    []string
	Example     string `yaml:"x-example"`
	Items       *schema
	Properties  properties
}

// properties are the fields of an object, in the order of the description.
type properties []property

type property struct {
	name string
	of   schema
}

// pairs returns the keys and values of a YAML mapping in their order.
func pairs(mapping *yaml.Node) iter.Seq2[string, *yaml.Node] {
	return func(yield func(string, *yaml.Node) bool) {
		for i := 0; i+1 < len(mapping.Content); i += 2 {
			if !yield(mapping.Content[i].Value, mapping.Content[i+1]) {
				return
			}
		}
	}
}

func (p *properties) UnmarshalYAML(node *yaml.Node) error {
	for name, value := range pairs(node) {
		one := property{name: name}
		if err := value.Decode(&one.of); err != nil {
			return fmt.Errorf("property %s: %w", one.name, err)
		}
		*p = append(*p, one)
	}
	return nil
}

// object is a value that has a name in the description, as the page shows it.
type object struct {
	Name, Description, Example string
	Values                     []string // the words that the value may be; nil when any value is allowed
	Fields                     []field
}

// field is a value in an object. Name leads to it, such as invoices[].ref. If the value is an
// object with a name in the description, Object is that name; otherwise it is "".
type field struct {
	Name, Type, Object, Description string
	Always                          bool // an answer always has the field, or a body must have it
}

// named returns the name of the object that a reference leads to, or "".
func (s *schema) named() string { return s.Ref[strings.LastIndexByte(s.Ref, '/')+1:] }

// fields returns the fields of an object and of the unnamed objects inside it.
func (s *schema) fields(prefix string) []field {
	var all []field
	always := map[string]bool{}
	for _, name := range s.Required {
		always[name] = true
	}
	for _, p := range s.Properties {
		f := field{Name: prefix + p.name, Description: p.of.Description, Always: always[p.name]}
		inner := p.of
		if inner.Items != nil {
			inner = *inner.Items
			f.Name += "[]"
			if f.Description == "" {
				f.Description = inner.Description
			}
		}
		f.Object, f.Type = inner.named(), inner.Kind()
		all = append(all, f)
		all = append(all, inner.fields(f.Name+".")...)
	}
	return all
}

// Kind returns a text that says what a value is and what bounds it has.
func (s *schema) Kind() string {
	switch {
	case len(s.Enum) > 0:
		return "one of " + strings.Join(visible(s.Enum), ", ")
	case s.Maximum > 0:
		return fmt.Sprintf("%s, %d to %d", s.Type, s.Minimum, s.Maximum)
	case s.MaxLength > 0:
		return fmt.Sprintf("%s, %d to %d characters", s.Type, s.MinLength, s.MaxLength)
	}
	return s.Type
}

// visible returns the values, and writes an empty value as "".
func visible(values []string) []string {
	var all []string
	for _, v := range values {
		if v == "" {
			v = `""`
		}
		all = append(all, v)
	}
	return all
}
