package ministry

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// contract is the Ministry's published description of its API. The file is outside the repository,
// and the variable KSEF_OPENAPI names it. When the variable is set, the answers that the tests of
// this package get are compared with the contract. Answers that break the contract on purpose are
// left out.
type contract struct {
	Paths      map[string]map[string]contractOperation `json:"paths"`
	Components struct {
		Schemas map[string]*schema `json:"schemas"`
	} `json:"components"`
}

type contractOperation struct {
	Responses map[string]struct {
		Content map[string]struct {
			Schema *schema `json:"schema"`
		} `json:"content"`
	} `json:"responses"`
}

type schema struct {
	Ref        string             `json:"$ref"`
	All        []*schema          `json:"allOf"`
	One        []*schema          `json:"oneOf"`
	Type       string             `json:"type"`
	Format     string             `json:"format"`
	Enum       []any              `json:"enum"`
	Pattern    string             `json:"pattern"`
	MinLength  int                `json:"minLength"`
	MaxLength  int                `json:"maxLength"`
	Nullable   bool               `json:"nullable"`
	Required   []string           `json:"required"`
	Properties map[string]*schema `json:"properties"`
	Additional json.RawMessage    `json:"additionalProperties"`
	Items      *schema            `json:"items"`
}

func readContract(t testing.TB) *contract {
	t.Helper()
	file := os.Getenv("KSEF_OPENAPI")
	if file == "" {
		return nil
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var c contract
	if err := json.Unmarshal(raw, &c); err != nil {
		t.Fatal(err)
	}
	return &c
}

func TestContract_Available_HasEveryOperationAndFindsFaults(t *testing.T) {
	c := readContract(t)
	if c == nil {
		t.Skip("KSEF_OPENAPI names no description of the Ministry's API, so answers are not compared with the contract")
	}
	if faults := c.faults(c.Components.Schemas["SessionStatusResponse"], map[string]any{
		"status": 1.0, "extra": 2.0,
	}, "body"); len(faults) < 3 {
		t.Errorf("the faults found in a bad answer are %v, want at least three", faults)
	}
	for _, o := range newRig(t, Options{}).face.operations {
		path := strings.ReplaceAll("/"+strings.Join(o.path, "/"), "*", strings.Repeat("x", 36))
		if _, known := c.operation(o.method, path); !known {
			t.Errorf("the simulator has an operation that the contract does not have: %s %s", o.method, path)
		}
	}
}

// check compares one answer with the contract.
func (c *contract) check(t testing.TB, r *http.Request, resp *http.Response, body []byte) {
	t.Helper()
	path, below := strings.CutPrefix(r.URL.Path, "/v2")
	kind, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	if !below || resp.StatusCode == http.StatusNotFound || resp.StatusCode > 499 || kind == "text/html" {
		return
	}
	operation, known := c.operation(r.Method, path)
	if !known {
		return // a path that the tests have made up
	}
	where := fmt.Sprintf("%s %s → %d", r.Method, path, resp.StatusCode)
	response, known := operation.Responses[fmt.Sprint(resp.StatusCode)]
	if !known {
		if resp.StatusCode != http.StatusUnsupportedMediaType {
			t.Errorf("%s: the contract knows no such status", where)
		}
		return
	}
	if len(body) == 0 {
		return
	}
	content, known := response.Content[kind]
	if !known {
		t.Errorf("%s: the contract has no answer of type %s for this status", where, kind)
		return
	}
	if !strings.Contains(kind, "json") {
		return
	}
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		t.Errorf("%s: the body of the answer is not JSON: %v", where, err)
		return
	}
	for _, fault := range c.faults(content.Schema, value, "body") {
		// The groups of limits that came with API 2.8 are not in the description of 2.7.
		if path != "/rate-limits" || !strings.Contains(fault, "is not in the contract") {
			t.Errorf("the answer to %s breaks the contract: %s in %s", where, fault, body)
		}
	}
}

// operation finds the operation of a path. A literal path takes precedence over a path with values.
func (c *contract) operation(method, path string) (found contractOperation, known bool) {
	if o, there := c.Paths[path][strings.ToLower(method)]; there {
		return o, true
	}
	names := []string{}
	for name := range c.Paths {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return strings.Count(a, "{") - strings.Count(b, "{") })
	value := regexp.MustCompile(`\\\{[^}]+\\\}`)
	for _, name := range names {
		form := "^" + value.ReplaceAllString(regexp.QuoteMeta(name), "[^/]+") + "$"
		if regexp.MustCompile(form).MatchString(path) {
			if o, there := c.Paths[name][strings.ToLower(method)]; there {
				return o, true
			}
		}
	}
	return found, false
}

// faults lists what is wrong with a value.
func (c *contract) faults(s *schema, value any, where string) (all []string) {
	if s == nil {
		return nil
	}
	if s.Ref != "" {
		return c.faults(c.Components.Schemas[s.Ref[strings.LastIndex(s.Ref, "/")+1:]], value, where)
	}
	if value == nil {
		if !s.Nullable {
			all = append(all, where+" is null")
		}
		return all
	}
	for _, part := range s.All {
		all = append(all, c.faults(part, value, where)...)
	}
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, value) {
		all = append(all, fmt.Sprintf("%s: %v is not one of %v", where, value, s.Enum))
	}
	switch v := value.(type) {
	case map[string]any:
		all = append(all, c.objectFaults(s, v, where)...)
	case []any:
		if s.Type != "array" && s.Type != "" {
			all = append(all, where+" is a list")
		}
		for i, item := range v {
			all = append(all, c.faults(s.Items, item, fmt.Sprintf("%s[%d]", where, i))...)
		}
	case string:
		all = append(all, s.textFaults(v, where)...)
	case float64:
		if s.Type != "" && s.Type != "integer" && s.Type != "number" {
			all = append(all, where+" is a number")
		}
	case bool:
		if s.Type != "" && s.Type != "boolean" {
			all = append(all, where+" is a truth value")
		}
	}
	return all
}

func (c *contract) objectFaults(s *schema, object map[string]any, where string) (all []string) {
	if len(s.Properties) == 0 {
		return nil // described elsewhere (allOf), or free
	}
	for _, name := range s.Required {
		if _, there := object[name]; !there {
			all = append(all, where+"."+name+" is missing")
		}
	}
	for name, value := range object {
		property, known := s.Properties[name]
		if !known {
			all = append(all, where+"."+name+" is not in the contract")
			continue
		}
		all = append(all, c.faults(property, value, where+"."+name)...)
	}
	return all
}

func (s *schema) textFaults(text, where string) (all []string) {
	if s.Type != "" && s.Type != "string" {
		all = append(all, where+" is a string")
	}
	if n := len([]rune(text)); n < s.MinLength || s.MaxLength > 0 && n > s.MaxLength {
		all = append(all, fmt.Sprintf("%s has %d characters, %d to %d are allowed", where, n, s.MinLength, s.MaxLength))
	}
	if s.Pattern != "" && !regexp.MustCompile(s.Pattern).MatchString(text) {
		all = append(all, fmt.Sprintf("%s: %q is not of the form %s", where, text, s.Pattern))
	}
	if s.Format == "date-time" {
		// The contract of 2.7 has an example of an error in the old form. The time in this example
		// has no offset.
		if _, err := time.Parse(time.RFC3339, text); err != nil && !strings.HasSuffix(where, "exception.timestamp") {
			all = append(all, fmt.Sprintf("%s: %q is not RFC 3339", where, text))
		}
	}
	return all
}
