package fa

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
)

// breach keeps the first breach of the schema, with the path of the element at a depth.
func (d *document) breach(depth int, format string, args ...any) {
	if d.broken == "" {
		path := strings.Join(d.names[min(1, depth):depth+1], "/")
		d.broken = path + ": " + fmt.Sprintf(format, args...)
	}
}

// open makes room for an element at a depth.
func (d *document) open(depth int, name string) {
	if depth == len(d.names) {
		d.names, d.rows, d.chars = append(d.names, ""), append(d.rows, nil), append(d.chars, nil)
	}
	d.names[depth], d.rows[depth], d.chars[depth] = name, d.rows[depth][:0], d.chars[depth][:0]
}

// admit finds the type of an element that begins and checks its attributes. It checks nothing
// inside an element that is missing in the schema.
func (d *document) admit(parent, l *level, t xml.StartElement, own bool) {
	if parent != nil {
		l.depth = parent.depth + 1
	}
	d.open(l.depth, t.Name.Local)
	if parent != nil {
		switch {
		case parent.content == nil && parent.value == nil:
			return
		case parent.content == nil || parent.content.text != nil:
			d.breach(parent.depth, "has an element in its text")
			return
		}
		c, known := parent.content.child[t.Name.Local]
		if !known || !own {
			d.breach(l.depth, "is not in the schema")
			return
		}
		d.rows[parent.depth] = append(d.rows[parent.depth], c.letter)
		l.content, l.value, l.fixed, l.typ = c.content, c.text, c.fixed, c.typ
	}
	d.attributes(l, t.Attr)
}

func (d *document) attributes(l *level, attrs []xml.Attr) {
	d.prefixed(l, attrs)
	var known map[string]attribute
	if l.content != nil {
		known = l.content.attrs
	}
	given := 0
	for _, a := range attrs {
		if a.Name.Space != "" || isDeclaration(a) {
			continue
		}
		k, is := known[a.Name.Local]
		if !is {
			d.breach(l.depth, "has the attribute %s", a.Name.Local)
			continue
		}
		if k.Required {
			given++
		}
		if k.text != nil && k.text.fault(a.Value) != "" || k.Fixed != "" && k.Fixed != a.Value {
			d.breach(l.depth, "the attribute %s is %q", a.Name.Local, a.Value)
		}
	}
	for _, k := range known {
		if k.Required {
			given--
		}
	}
	if given < 0 {
		d.breach(l.depth, "lacks an attribute")
	}
}

// checkEnd checks the text or the children of an element that ends.
func (d *document) checkEnd(l *level) {
	t := l.value
	if l.content != nil {
		t = l.content.text
	}
	if t != nil {
		text := string(d.chars[l.depth])
		if text == "" && l.fixed != "" {
			return // an empty element has its fixed value; xmllint differs if it holds an empty CDATA section
		}
		if fault := t.fault(text); fault != "" {
			d.breach(l.depth, "%q %s", text, fault)
		} else if l.fixed != "" && strings.Trim(text, " \t\r\n") != l.fixed {
			d.breach(l.depth, "%q is not %s", text, l.fixed)
		}
		return
	}
	if l.content == nil {
		return
	}
	if len(bytes.Trim(d.chars[l.depth], " \t\r\n")) > 0 {
		d.breach(l.depth, "has text between its elements")
	}
	row := d.rows[l.depth]
	if !l.content.model.Match(row) {
		d.breach(l.depth, "its elements are not those of the schema: %s", l.content.list(row))
	}
	in := 0
	for i, letter := range row {
		if in++; i == 0 || row[i-1] != letter {
			in = 1
		}
		if most := l.content.most[letter]; most > 0 && in > most {
			d.breach(l.depth, "%s is there more than %d times", l.content.names[letter-'0'], most)
			break
		}
	}
}

// list names the elements whose letters are in row, the first 20 at most.
func (c *content) list(row []byte) string {
	names := make([]string, 0, 20)
	for _, letter := range row[:min(len(row), 20)] {
		names = append(names, c.names[letter-'0'])
	}
	return strings.Join(names, " ")
}
