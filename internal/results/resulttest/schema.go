// Package resulttest checks result documents against the schema that is published. It is separate
// from package results so that no program links the testing package.
package resulttest

import (
	"bytes"
	"os"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Schema is docs/result.schema.json, closed to fields that it does not describe. The published
// schema is open to new fields, but a test must find the fields that are not described.
type Schema struct{ closed *jsonschema.Schema }

// Read reads the schema at a path.
func Read(t testing.TB, path string) *Schema {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	shut(doc)
	c := jsonschema.NewCompiler()
	if err := c.AddResource("closed.json", doc); err != nil {
		t.Fatal(err)
	}
	closed, err := c.Compile("closed.json")
	if err != nil {
		t.Fatal(err)
	}
	return &Schema{closed}
}

// shut forbids fields that are not described, in every object that has described fields.
func shut(doc any) {
	switch d := doc.(type) {
	case map[string]any:
		if _, fields := d["properties"].(map[string]any); fields && d["type"] == "object" {
			d["additionalProperties"] = false
		}
		for _, inner := range d {
			shut(inner)
		}
	case []any:
		for _, inner := range d {
			shut(inner)
		}
	}
}

// Why returns why a document is not a valid result; nil when it is one.
func (s *Schema) Why(doc []byte) error {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	if err != nil {
		return err
	}
	return s.closed.Validate(v)
}

// Check fails the test when a document is not a valid result. what says where the document comes
// from.
func (s *Schema) Check(t testing.TB, what string, doc []byte) {
	t.Helper()
	if err := s.Why(doc); err != nil {
		t.Errorf("%s: %v\n%s", what, err, doc)
	}
}
