package simulator

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"

	"ksefworker/internal/simulator/fa"
)

// generate writes an FA(3) document from JSON. The gateway's field names are not published, so the
// names of the elements are used. An object is an element with children in the order given. A list
// repeats an element. A scalar is text, and null leaves the element out. A name that begins with
// "@" is an attribute, and "#text" is the text of an element with attributes. KodFormularza gets
// its attributes if none are given.
func (do *documentOperations) generate(c *call) (reply, *refusal) {
	var body struct {
		Invoice json.RawMessage `json:"invoice"`
	}
	if refused := c.decode(&body); refused != nil {
		return reply{}, refused
	}
	// A document has exactly one root. Anything but one object would make no root, or several.
	if raw := bytes.TrimSpace(body.Invoice); len(raw) == 0 || raw[0] != '{' {
		return reply{}, badInput("invoice must be one object")
	}
	f := do.forms["v3"]
	var out bytes.Buffer
	out.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n")
	dec := json.NewDecoder(bytes.NewReader(body.Invoice))
	dec.UseNumber()
	g := generator{dec: dec, out: &out, form: f}
	if err := g.element("Faktura", []attribute{{"xmlns", f.Namespace}}); err != nil {
		return reply{}, badInput("invoice: %v", err)
	}
	return reply{status: http.StatusOK, contentType: xmlType, body: out.Bytes()}, nil
}

// elementName matches the names of elements in FA(3).
var elementName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]*$`)

type attribute struct{ name, value string }

// generator copies JSON tokens to XML. It keeps the order of an object's names, which a map would
// lose.
type generator struct {
	dec  *json.Decoder
	out  *bytes.Buffer
	form *fa.Form
}

func (g *generator) element(name string, attributes []attribute) error {
	if !elementName.MatchString(name) {
		return fmt.Errorf("%q is not the name of an element", name)
	}
	token, err := g.dec.Token()
	if err != nil {
		return err
	}
	switch token {
	case nil:
		return nil // null: no such element
	case json.Delim('['):
		for g.dec.More() {
			if err := g.element(name, attributes); err != nil {
				return err
			}
		}
		_, err := g.dec.Token()
		return err
	case json.Delim('{'):
		return g.object(name, attributes)
	}
	g.start(name, attributes)
	g.text(token)
	g.out.WriteString("</" + name + ">")
	return nil
}

func (g *generator) object(name string, attributes []attribute) error {
	started := false
	start := func() {
		if !started {
			g.start(name, attributes)
			started = true
		}
	}
	for g.dec.More() {
		key, err := g.dec.Token()
		if err != nil {
			return err
		}
		child, _ := key.(string)
		switch {
		case strings.HasPrefix(child, "@"):
			value, err := g.dec.Token()
			if err != nil {
				return err
			}
			if _, nested := value.(json.Delim); nested || started {
				return errors.New("attributes are scalars and come first")
			}
			attributes = append(attributes[:len(attributes):len(attributes)], attribute{child[1:], fmt.Sprint(value)})
		case child == "#text":
			value, err := g.dec.Token()
			if err != nil {
				return err
			}
			start()
			g.text(value)
		default:
			start()
			if err := g.element(child, nil); err != nil {
				return err
			}
		}
	}
	start()
	g.out.WriteString("</" + name + ">")
	if _, err := g.dec.Token(); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

func (g *generator) start(name string, attributes []attribute) {
	if name == "KodFormularza" && len(attributes) == 0 {
		attributes = []attribute{{"kodSystemowy", g.form.SystemCode}, {"wersjaSchemy", "1-0E"}}
	}
	g.out.WriteString("<" + name)
	for _, a := range attributes {
		g.out.WriteString(" " + a.name + `="`)
		_ = xml.EscapeText(g.out, []byte(a.value)) // writing to a buffer does not fail
		g.out.WriteString(`"`)
	}
	g.out.WriteString(">")
}

func (g *generator) text(value any) { _ = xml.EscapeText(g.out, []byte(fmt.Sprint(value))) }
