package schematest

import (
	"slices"
	"strings"

	"ksefworker/internal/invoice/schema"
)

// node is an element of a document that is being made.
type node struct {
	name     string // with its prefix
	attrs    string // as written, with a blank before each
	text     string // as written, escaped
	children []*node
	kind     schema.Ref
	fixed    string
}

// clone copies n with everything below it. copied is the copy of at if at is n or a node below n,
// otherwise nil.
func (n *node) clone(at *node) (whole, copied *node) {
	c := *n
	if n == at {
		copied = &c
	}
	c.children = make([]*node, len(n.children))
	for i, child := range n.children {
		var found *node
		if c.children[i], found = child.clone(at); found != nil {
			copied = found
		}
	}
	return &c, copied
}

// parent returns the parent of a node below n and the node's index there.
func (n *node) parent(of *node) (*node, int) {
	if i := slices.Index(n.children, of); i >= 0 {
		return n, i
	}
	for _, child := range n.children {
		if p, i := child.parent(of); p != nil {
			return p, i
		}
	}
	return nil, -1
}

// write appends the document; every element begins a line.
func (n *node) write(b *strings.Builder) {
	b.WriteString("<" + n.name + n.attrs + ">" + n.text)
	for _, child := range n.children {
		b.WriteString("\n")
		child.write(b)
	}
	if len(n.children) > 0 {
		b.WriteString("\n")
	}
	b.WriteString("</" + n.name + ">")
}

func (n *node) document() []byte {
	var b strings.Builder
	b.WriteString("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")
	n.write(&b)
	b.WriteString("\n")
	return []byte(b.String())
}

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
