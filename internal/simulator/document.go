package simulator

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// document is an invoice as this side reads it.
type document struct {
	namespace  string
	root       string
	systemCode string
	schema     string
	texts      map[string]string // by path below the root; the first occurrence
	thirds     []string          // NIP of every Podmiot3
	attachment bool
	instructed bool     // has a processing instruction
	strangers  []string // children that the form does not know or that stand in the wrong place
}

func (d *document) text(path string) string { return d.texts[path] }

var errDoctype = errors.New("a DTD")

// readDocument reads well-formed XML of one root. It takes encoding/xml's raw tokens, which cost about a fifth less than
// the cooked ones, so nesting and namespaces are followed here; and what that package lets pass is put right: text after
// the root, DTDs, a second declaration, an attribute twice.
func readDocument(content []byte, f *form) (*document, error) {
	d := &document{texts: make(map[string]string, 64)}
	dec := xml.NewDecoder(bytes.NewReader(content))
	stack := make([]level, 0, 16)
	rooted := false
	for {
		token, err := dec.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		switch t := token.(type) {
		case xml.StartElement:
			if len(stack) == 0 && rooted {
				return nil, errors.New("a second root element")
			}
			l, err := d.enter(stack, t, f)
			if err != nil {
				return nil, err
			}
			rooted = true
			stack = append(stack, l)
		case xml.EndElement:
			if len(stack) == 0 || stack[len(stack)-1].name != t.Name {
				return nil, fmt.Errorf("</%s> closes nothing", t.Name.Local)
			}
			d.leave(stack[len(stack)-1])
			stack = stack[:len(stack)-1]
		case xml.CharData:
			if len(stack) == 0 {
				if len(bytes.TrimSpace(t)) > 0 {
					return nil, errors.New("text outside the root element")
				}
				continue
			}
			if top := &stack[len(stack)-1]; top.node != nil && top.node.keep {
				top.text = append(top.text, t...)
			}
		case xml.ProcInst:
			if t.Target != "xml" || dec.InputOffset() != int64(bytes.IndexByte(content, '>')+1) {
				d.instructed = true
			}
		case xml.Directive:
			return nil, errDoctype
		}
	}
	if !rooted || len(stack) > 0 {
		return nil, errors.New("no root element or one that is never closed")
	}
	return d, nil
}

// level is one open element.
type level struct {
	name   xml.Name   // Space is the prefix
	spaces []xml.Attr // the declarations of namespaces in force, innermost last
	node   *node      // nil where nothing matters
	last   int        // rank of the child before
	text   []byte
}

// enter opens an element: it resolves its namespace, finds its node and checks its place.
func (d *document) enter(stack []level, t xml.StartElement, f *form) (level, error) {
	l := level{name: t.Name}
	var parent *level
	if len(stack) > 0 {
		parent = &stack[len(stack)-1]
		l.spaces = parent.spaces
	}
	for i, a := range t.Attr {
		for _, b := range t.Attr[:i] {
			if a.Name == b.Name {
				return l, fmt.Errorf("the attribute %s stands twice", a.Name.Local)
			}
		}
		if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
			l.spaces = append(l.spaces[:len(l.spaces):len(l.spaces)], a)
		}
	}
	for _, a := range t.Attr {
		if p := a.Name.Space; p != "" && p != "xmlns" && p != "xml" {
			if _, err := l.resolve(p); err != nil {
				return l, err
			}
		}
	}
	space, err := l.resolve(t.Name.Space)
	if err != nil {
		return l, err
	}
	if parent == nil {
		d.namespace, d.root = space, t.Name.Local
		l.node = f.root
		return l, nil
	}
	if parent.node == nil {
		return l, nil
	}
	name := t.Name.Local
	if order := parent.node.order; order != nil {
		rank, known := order[name]
		if !known || rank < parent.last || space != d.namespace {
			d.strangers = append(d.strangers, strings.TrimPrefix(parent.node.path+"/"+name, "/"))
		}
		parent.last = max(parent.last, rank)
	}
	l.node = parent.node.children[name]
	if l.node == nil {
		return l, nil
	}
	switch l.node.path {
	case pathAttachment:
		d.attachment = true
	case pathForm:
		for _, a := range t.Attr {
			switch a.Name.Local {
			case "kodSystemowy":
				d.systemCode = a.Value
			case "wersjaSchemy":
				d.schema = a.Value
			}
		}
	}
	return l, nil
}

// resolve gives the namespace of a prefix; "" is the default one, which may be none.
func (l *level) resolve(prefix string) (string, error) {
	for i := len(l.spaces) - 1; i >= 0; i-- {
		a := l.spaces[i]
		if prefix == "" && a.Name.Space == "" || prefix != "" && a.Name.Space == "xmlns" && a.Name.Local == prefix {
			return a.Value, nil
		}
	}
	if prefix != "" {
		return "", fmt.Errorf("the prefix %s is not declared", prefix)
	}
	return "", nil
}

func (d *document) leave(l level) {
	if l.node == nil || !l.node.keep {
		return
	}
	text := string(l.text)
	if l.node.path == pathThirdNIP {
		d.thirds = append(d.thirds, text)
	}
	if _, again := d.texts[l.node.path]; !again {
		d.texts[l.node.path] = text
	}
}

// token is xsd:token's way with white space.
func token(text string) string { return strings.Join(strings.Fields(text), " ") }

// discouraged finds the first code point that KSeF refuses, also when it is written as a reference: those are looked
// for in the text that encoding/xml made of them.
func discouraged(text []byte) (rune, bool) {
	for i := 0; i < len(text); {
		if text[i] < 0x7F { // nearly everything
			i++
			continue
		}
		r, size := utf8.DecodeRune(text[i:])
		if r >= 0x7F && r <= 0x84 || r >= 0x86 && r <= 0x9F || r >= 0xFDD0 && r <= 0xFDEF || r >= 0x10000 && r&0xFFFE == 0xFFFE {
			return r, true
		}
		i += size
	}
	return 0, false
}

// references decodes the numeric character references of a document, so that discouraged can look at them.
func references(content []byte) []byte {
	var out []byte
	for {
		i := bytes.Index(content, []byte("&#"))
		if i < 0 {
			return out
		}
		content = content[i+2:]
		end := bytes.IndexByte(content[:min(len(content), 12)], ';')
		if end < 0 {
			continue
		}
		var r rune
		if digits, hex := bytes.CutPrefix(content[:end], []byte("x")); hex {
			_, _ = fmt.Sscanf(string(digits), "%x", &r)
		} else {
			_, _ = fmt.Sscanf(string(digits), "%d", &r)
		}
		out = utf8.AppendRune(out, r)
	}
}
