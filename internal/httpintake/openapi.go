package httpintake

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

//go:embed openapi.yaml
var openAPI []byte

//go:embed docs.html
var docsPage string

// document is the description of the interface as a page for people.
type document struct{ page []byte }

// operation is what the page shows of one method of a path.
type operation struct {
	Method, Path, Summary, Description string
	Parameters                         []parameter
	Bodies                             []described
	Answers                            []described
}

type parameter struct {
	Name, In, Description string
	Schema                schema
}

// described is a body or an answer. Named is the name of its object. When the object has no name,
// Named is "", and Fields has the fields of the object.
type described struct {
	Name, Description, Media, Named string
	Fields                          []field
}

// content are the media types of a body or an answer.
type content map[string]struct{ Schema schema }

// response is an answer, or a reference to an answer that many operations share.
type response struct {
	Ref         string `yaml:"$ref"`
	Description string
	Content     content
}

// readDocument makes the page from the description, so that the two never differ. It is called
// once, and an error is a mistake of the build.
func readDocument() (*document, error) {
	var api struct {
		Info struct {
			Title, Version, Description string
		}
		Paths      yaml.Node // read in the order of the description, which begins with what is used first
		Components struct {
			Parameters map[string]parameter
			Responses  map[string]response
			Schemas    properties
			Security   map[string]struct{ Description string } `yaml:"securitySchemes"`
		}
	}
	if err := yaml.Unmarshal(openAPI, &api); err != nil {
		return nil, fmt.Errorf("read openapi.yaml: %w", err)
	}
	var all []operation
	for path, methods := range pairs(&api.Paths) {
		for method, node := range pairs(methods) {
			var op struct {
				Summary, Description string
				Parameters           []struct {
					Ref       string `yaml:"$ref"`
					parameter `yaml:",inline"`
				}
				RequestBody struct{ Content content } `yaml:"requestBody"`
				Responses   map[string]response
			}
			if err := node.Decode(&op); err != nil {
				return nil, fmt.Errorf("read openapi.yaml: %s %s: %w", method, path, err)
			}
			one := operation{Method: strings.ToUpper(method), Path: path, Summary: op.Summary, Description: op.Description}
			for _, p := range op.Parameters {
				if p.Ref != "" {
					p.parameter = api.Components.Parameters[p.Ref[strings.LastIndexByte(p.Ref, '/')+1:]]
				}
				one.Parameters = append(one.Parameters, p.parameter)
			}
			for media, body := range op.RequestBody.Content {
				one.Bodies = append(one.Bodies, described{Name: media, Description: body.Schema.Description,
					Named: body.Schema.named(), Fields: body.Schema.fields("")})
			}
			for status, answer := range op.Responses {
				if answer.Ref != "" {
					answer = api.Components.Responses[answer.Ref[strings.LastIndexByte(answer.Ref, '/')+1:]]
				}
				a := described{Name: status, Description: answer.Description}
				for media, body := range answer.Content { // an answer has one media type
					a.Media, a.Named = media, body.Schema.named()
				}
				one.Answers = append(one.Answers, a)
			}
			byName := func(a, b described) int { return strings.Compare(a.Name, b.Name) }
			slices.SortFunc(one.Bodies, byName)
			slices.SortFunc(one.Answers, byName)
			all = append(all, one)
		}
	}
	t, err := template.New("docs").Parse(docsPage)
	if err != nil {
		return nil, fmt.Errorf("read docs.html: %w", err)
	}
	var objects []object
	for _, s := range api.Components.Schemas {
		objects = append(objects, object{s.name, s.of.Description, s.of.Example, s.of.Enum, s.of.fields("")})
	}
	var page bytes.Buffer
	if err := t.Execute(&page, map[string]any{"Info": api.Info, "Operations": all, "Objects": objects,
		"Login": api.Components.Security["key"].Description}); err != nil {
		return nil, fmt.Errorf("make the page of openapi.yaml: %w", err)
	}
	return &document{page: page.Bytes()}, nil
}

func (s *Server) openapi(c *call) error { return c.raw(http.StatusOK, "application/yaml", openAPI) }

// page answers with a page that may load nothing, and needs nothing, from outside.
func (s *Server) page(c *call) error {
	c.w.Header().Set("Content-Security-Policy",
		"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	return c.raw(http.StatusOK, "text/html; charset=utf-8", s.docs.page)
}
