package schematest

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"ksefworker/internal/invoice/schema"
)

// ErrNotNormalized says that an attribute has white space, which encoding/xml does not normalize.
var ErrNotNormalized = errors.New("an attribute with white space that encoding/xml does not normalize")

// Faults runs a [schema.Machine] over a document that encoding/xml reads, and returns the faults
// that the machine finds. Tests use it for tables other than [schema.Forms], because the reader of
// package invoice accepts only the root of the forms.
func Faults(t *schema.Table, doc []byte) ([]schema.Fault, error) {
	m := new(schema.Machine)
	d := xml.NewDecoder(bytes.NewReader(doc))
	var scopes []map[string]string // namespaces by prefix
	var texts []*bytes.Buffer      // of every open element; nil when it has no value
	space := ""
	for {
		at := int(d.InputOffset())
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return m.Faults(), nil
		}
		if err != nil {
			return nil, err
		}
		switch e := token.(type) {
		case xml.StartElement:
			scope := map[string]string{}
			if len(scopes) > 0 {
				for prefix, uri := range scopes[len(scopes)-1] {
					scope[prefix] = uri
				}
			}
			for _, a := range e.Attr {
				if strings.ContainsAny(a.Value, "\t\r\n") {
					return nil, ErrNotNormalized
				}
			}
			attrs := attributes(e.Attr, scope)
			scopes = append(scopes, scope)
			var text *bytes.Buffer
			if len(scopes) == 1 {
				space = e.Name.Space
				if !m.Begin(t, space, []byte(e.Name.Local), attrs, at) {
					return nil, errors.New("unknown root")
				}
			} else if m.Start(e.Name.Space == space, []byte(e.Name.Local), attrs, at) {
				text = new(bytes.Buffer)
			}
			texts = append(texts, text)
		case xml.EndElement:
			var text []byte
			if b := texts[len(texts)-1]; b != nil {
				text = b.Bytes()
			}
			m.End(text, at)
			scopes, texts = scopes[:len(scopes)-1], texts[:len(texts)-1]
		case xml.CharData:
			if len(texts) == 0 {
				continue
			}
			if b := texts[len(texts)-1]; b != nil {
				b.Write(e)
			} else {
				m.Text(e, bytes.HasPrefix(doc[at:], []byte("<![CDATA[")), at)
			}
		}
	}
}

// attributes converts attributes and adds the declarations among them to the scope.
func attributes(in []xml.Attr, scope map[string]string) []schema.Attr {
	for _, a := range in {
		switch {
		case a.Name.Space == "xmlns":
			scope[a.Name.Local] = a.Value
		case a.Name.Space == "" && a.Name.Local == "xmlns":
			scope[""] = a.Value
		}
	}
	var out []schema.Attr
	for _, a := range in {
		if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
			continue
		}
		attr := schema.Attr{Kind: schema.Foreign, Name: []byte(a.Name.Local), Value: []byte(a.Value)}
		switch a.Name.Space {
		case "":
			attr.Kind = schema.Plain
		case "http://www.w3.org/2001/XMLSchema-instance":
			attr.Kind = schema.Instance
			prefix, local, found := strings.Cut(a.Value, ":")
			if !found {
				prefix, local = "", prefix
			}
			uri, declared := scope[prefix]
			attr.TypeSpace, attr.TypeLocal, attr.Unbound = []byte(uri), []byte(local), found && (prefix == "" || !declared)
		}
		out = append(out, attr)
	}
	return out
}
