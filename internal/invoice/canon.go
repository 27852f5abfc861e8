package invoice

import (
	"bytes"
	"slices"
)

// canon reads the canonical form of a document piece by piece. A piece is a text and the tag that
// ends it. Two documents have the same content when they have the same pieces in the same order.
// The comment of ContentOf lists what this form leaves out.
type canon struct {
	scanner
	text []byte // of the piece: markText, then the collapsed text; empty when the piece has no text
	tag  []byte // of the piece; empty after the last tag
	gap  bool   // white space followed the last character of text

	start  bool // the tag is a start tag
	within span // name of the element that contains text

	rootNS   nsID
	inHeader bool // directly inside Faktura/Naglowek

	created, system []byte
}

// A mark begins each item of the canonical form. XML allows none of these bytes in a document, so a
// value can never look like markup.
const (
	markText  = 1
	markStart = 2
	markEnd   = 3
	markAttr  = 4
	markValue = 5
	markRoot  = 6 // stands for the namespace of the root, which nearly all elements have
	markName  = 7
)

func newCanon(document []byte) *canon {
	return &canon{scanner: scanner{source: source{data: document, lenient: true}}}
}

// next moves to the next piece. It returns false at the last piece, which has no tag.
func (c *canon) next() (more bool, err error) {
	if c.tag == nil {
		if err := c.prolog(); err != nil {
			return false, err
		}
	}
	c.text, c.tag, c.gap = c.text[:0], c.tag[:0], false
	for {
		if n := len(c.open); n > 0 {
			c.within = c.open[n-1].name
		}
		t, fault := c.scanner.next()
		if fault != nil {
			return false, fault
		}
		switch t {
		case tokenEOF:
			return false, nil
		case tokenText:
			c.text, c.gap = c.collapse(c.text, c.gap)
			continue
		case tokenEnd:
			if len(c.open) == 1 {
				c.inHeader = false
			}
			c.tag, c.start = append(c.tag, markEnd), false
			return true, nil
		}
		if into := c.ignored(); into != nil {
			if err := c.skip(into); err != nil {
				return false, err
			}
			continue
		}
		c.startTag()
		return true, nil
	}
}

// ignored returns nil if the element that has just begun belongs to the canonical form. If the form
// leaves the element out, ignored returns the buffer for the element's text.
func (c *canon) ignored() *[]byte {
	if !c.inHeader || len(c.open) != 3 || c.ns != c.rootNS {
		return nil
	}
	switch string(c.bytes(c.name)) {
	case "DataWytworzeniaFa":
		return &c.created
	case "SystemInfo":
		return &c.system
	}
	return nil
}

// skip reads to the end of the element that has just begun. It stores the first maxIgnored bytes of
// the element's text in into.
func (c *canon) skip(into *[]byte) error {
	kept, gap := []byte{}, false
	for depth := len(c.open); len(c.open) >= depth; {
		t, fault := c.scanner.next()
		if fault != nil {
			return fault
		}
		if t == tokenText && len(kept) < maxIgnored {
			kept, gap = c.collapse(kept, gap)
		}
	}
	kept = bytes.TrimPrefix(kept, []byte{markText})
	kept = kept[:min(len(kept), maxIgnored)]
	*into = bytes.ToValidUTF8(kept, nil)
	return nil
}

func (c *canon) startTag() {
	name := c.bytes(c.name)
	switch depth := len(c.open); {
	case depth == 1:
		c.rootNS = c.ns
		c.tag = append(append(c.tag, markRoot), c.namespace(c.ns)...)
	case depth == 2:
		c.inHeader = c.ns == c.rootNS && string(name) == "Naglowek" && string(c.open[0].local(c.data)) == "Faktura"
	}
	c.start = true
	c.tag = c.appendName(append(c.tag, markStart), c.ns, name)
	if len(c.attrs) == 0 {
		return
	}
	slices.SortFunc(c.attrs, func(a, b attribute) int {
		if n := bytes.Compare(c.namespace(a.ns), c.namespace(b.ns)); n != 0 {
			return n
		}
		return bytes.Compare(c.bytes(a.local), c.bytes(b.local))
	})
	for _, a := range c.attrs {
		if a.ns == nsXMLNS {
			continue
		}
		c.tag = c.appendName(append(c.tag, markAttr), a.ns, c.bytes(a.local))
		c.tag = c.appendValue(append(c.tag, markValue), a.value)
	}
}

func (c *canon) appendName(dst []byte, ns nsID, local []byte) []byte {
	if ns == c.rootNS {
		dst = append(dst, markRoot)
	} else {
		dst = append(dst, c.namespace(ns)...)
	}
	return append(append(dst, markName), local...)
}

// namespace returns the name of the namespace with this id, which must be in scope.
func (c *canon) namespace(id nsID) []byte {
	switch id {
	case nsNone:
		return nil
	case nsXML:
		return []byte(uriXML)
	}
	for i := len(c.bindings) - 1; i >= 0; i-- {
		if c.bindings[i].id == id {
			return c.bindings[i].uri
		}
	}
	return nil
}

// local returns the name without its prefix. A name has at most one colon.
func (e element) local(data []byte) []byte {
	name := data[e.name.from:e.name.to]
	return name[bytes.IndexByte(name, ':')+1:]
}

// collapse appends the text of the current token with its white space collapsed. gap says that a
// space must be written before the next character.
func (c *canon) collapse(dst []byte, gap bool) ([]byte, bool) {
	raw := c.bytes(c.scanner.text)
	if c.textRefs {
		raw = c.decode(nil, c.scanner.text)
	}
	for len(raw) > 0 {
		if isSpace(raw[0]) {
			gap, raw = true, raw[1:]
			continue
		}
		switch {
		case len(dst) == 0:
			dst = append(dst, markText)
		case gap:
			dst = append(dst, ' ')
		}
		n := 1
		for n < len(raw) && !isSpace(raw[n]) {
			n++
		}
		dst, raw, gap = append(dst, raw[:n]...), raw[n:], false
	}
	return dst, gap
}
