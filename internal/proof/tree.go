package proof

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// node is an element of an invoice. It has children or text, as every element of FA(3) has.
type node struct {
	name     string
	text     string
	raw      []byte // the text while it is read
	children []*node
}

// maxDepth is more than the depth of any invoice, because intake refuses invoices that are deeper
// than 256.
const maxDepth = 300

// parse reads a document. It refuses document type declarations.
func parse(document []byte) (*node, error) {
	d := xml.NewDecoder(bytes.NewReader(document))
	top := &node{}
	open := []*node{top}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read invoice: %w", err)
		}
		switch t := token.(type) {
		case xml.Directive:
			return nil, errors.New("read invoice: it has a document type declaration")
		case xml.StartElement:
			if len(open) > maxDepth {
				return nil, fmt.Errorf("read invoice: elements are nested deeper than %d", maxDepth)
			}
			n := &node{name: t.Name.Local}
			parent := open[len(open)-1]
			parent.children = append(parent.children, n)
			open = append(open, n)
		case xml.EndElement:
			n := open[len(open)-1]
			n.text, n.raw = strings.TrimSpace(string(n.raw)), nil
			open = open[:len(open)-1]
		case xml.CharData:
			n := open[len(open)-1]
			n.raw = append(n.raw, t...)
		}
	}
	if len(top.children) != 1 {
		return nil, errors.New("read invoice: it has no root element")
	}
	return top.children[0], nil
}

// all returns the elements at a path below n.
func (n *node) all(path ...string) []*node {
	level := []*node{n}
	for _, name := range path {
		var next []*node
		for _, at := range level {
			for _, c := range at.children {
				if c.name == name {
					next = append(next, c)
				}
			}
		}
		level = next
	}
	return level
}

// get returns the text of the first element at a path; "" when there is none.
func (n *node) get(path ...string) string {
	if found := n.all(path...); len(found) > 0 {
		return found[0].text
	}
	return ""
}

// field is one value of the document with its place.
type field struct{ Path, Value string }

// fields lists the text of every element without children, so that the form is complete. It leaves
// out attributes.
func (n *node) fields() []field {
	var all []field
	var walk func(n *node, at string)
	walk = func(n *node, at string) {
		if len(n.children) == 0 {
			all = append(all, field{at, n.text})
			return
		}
		counts := map[string]int{}
		for _, c := range n.children {
			counts[c.name]++
		}
		seen := map[string]int{}
		for _, c := range n.children {
			name := c.name
			if counts[c.name] > 1 {
				seen[c.name]++
				name = fmt.Sprintf("%s[%d]", c.name, seen[c.name])
			}
			walk(c, strings.TrimPrefix(at+"/"+name, "/"))
		}
	}
	walk(n, "")
	return all
}
