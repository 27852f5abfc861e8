package fa

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// document is what the checks need to know of an invoice.
type document struct {
	namespace  string
	root       string
	systemCode string
	schema     string
	texts      map[string]string // by path below the root; the first occurrence counts
	thirdNIPs  []string          // of every Podmiot3
	attachment bool
	// instruction is true when the document has a processing instruction.
	instruction bool
	// broken is the first breach that the check against the whole schema has found, or "".
	broken string
	types  map[string]namedType // of the schema that the document is checked against
	// These are indexed by depth. They are the names of the open elements, the letters of their
	// children so far, and their texts so far.
	names       []string
	rows, chars [][]byte
	// unexpected lists the children that the form does not know or that are in the wrong place.
	unexpected []string
}

func (d *document) text(path string) string { return d.texts[path] }

var errDoctype = errors.New("a DTD")

// reader reads one document. Its methods are the events of the document, in order.
type reader struct {
	d       *document
	form    *Form
	known   map[string]string // the names of the schemas
	stack   []level           // the open elements
	hasRoot bool
	attrs   []xml.Attr // memory for the attributes of one element
}

func newReader(f *Form) *reader {
	return &reader{d: &document{texts: make(map[string]string, 64)}, form: f, known: compiled().names, stack: make([]level, 0, 16)}
}

// readDocument reads well-formed XML with one root.
func readDocument(content []byte, f *Form) (*document, error) {
	r := newReader(f)
	if r.plain(content) {
		return r.d, nil
	}
	r = newReader(f)
	if err := r.xml(content); err != nil {
		return nil, err
	}
	return r.d, nil
}

// xml reads any document. It uses the raw tokens of encoding/xml, which cost about a fifth less
// than checked tokens. So the reader follows nesting and namespaces by itself. The reader also
// refuses what encoding/xml lets pass: text after the root, DTDs, repeated attributes, and the
// faults that strict.go finds.
func (r *reader) xml(content []byte) error {
	dec := xml.NewDecoder(bytes.NewReader(content))
	for {
		from := dec.InputOffset()
		token, err := dec.RawToken()
		if errors.Is(err, io.EOF) {
			return r.finish()
		}
		if err != nil {
			return err
		}
		written := content[from:dec.InputOffset()]
		switch t := token.(type) {
		case xml.StartElement:
			if t, err = strictTag(t, written); err == nil {
				err = r.start(t)
			}
		case xml.EndElement:
			err = r.end(t.Name)
		case xml.CharData:
			err = r.characters(t, written)
		case xml.Comment:
			err = strictComment(t)
		case xml.ProcInst:
			if strings.EqualFold(t.Target, "xml") {
				err = strictDeclaration(written, from)
			} else {
				r.d.instruction = true
			}
		case xml.Directive:
			err = errDoctype
		}
		if err != nil {
			return err
		}
	}
}

func (r *reader) start(t xml.StartElement) error {
	if len(r.stack) == 0 && r.hasRoot {
		return errors.New("a second root element")
	}
	l, err := r.d.enter(r.stack, t, r.form)
	if err != nil {
		return err
	}
	r.hasRoot = true
	r.stack = append(r.stack, l)
	return nil
}

func (r *reader) end(name xml.Name) error {
	if len(r.stack) == 0 || r.stack[len(r.stack)-1].name != name {
		return fmt.Errorf("</%s> closes nothing", name.Local)
	}
	top := &r.stack[len(r.stack)-1]
	r.d.leave(*top)
	r.d.checkEnd(top)
	r.stack = r.stack[:len(r.stack)-1]
	return nil
}

func (r *reader) text(t []byte) error {
	if len(r.stack) == 0 {
		if len(bytes.Trim(t, " \t\r\n")) > 0 {
			return errors.New("text outside the root element")
		}
		return nil
	}
	top := &r.stack[len(r.stack)-1]
	if top.node != nil && top.node.keep {
		top.text = append(top.text, t...)
	}
	if top.content != nil || top.value != nil {
		r.d.chars[top.depth] = append(r.d.chars[top.depth], t...)
	}
	return nil
}

func (r *reader) finish() error {
	if !r.hasRoot || len(r.stack) > 0 {
		return errors.New("no root element or one that is never closed")
	}
	return nil
}

// level is one element that is open while the document is read.
type level struct {
	name   xml.Name   // Space is the prefix
	spaces []xml.Attr // declarations of the namespaces in force, innermost last
	node   *node      // nil when the checks do not need this element
	last   int        // highest rank of the children so far
	text   []byte

	// These fields are for the check against the whole schema. Either content or value is set.
	// Inside an element that the schema does not know, both are nil.
	depth   int // of the root: 0
	content *content
	value   *textType
	fixed   string
	typ     string // name of the element's type in the facts
}

// enter opens an element. It resolves the namespace, finds the node and checks the place.
func (d *document) enter(stack []level, t xml.StartElement, f *Form) (level, error) {
	l := level{name: t.Name}
	var parent *level
	if len(stack) > 0 {
		parent = &stack[len(stack)-1]
		l.spaces = parent.spaces
	}
	if err := l.declare(t.Attr); err != nil {
		return l, err
	}
	if err := l.distinct(t.Attr); err != nil {
		return l, err
	}
	space, err := l.resolve(t.Name.Space)
	if err != nil {
		return l, err
	}
	if parent == nil {
		d.namespace, d.root = space, t.Name.Local
		l.node = f.root
		if space == f.Namespace && t.Name.Local == "Faktura" {
			l.content, d.types = contentOf(f.Version), typesOf(f.Version)
		}
		d.admit(nil, &l, t, true)
		return l, nil
	}
	d.admit(parent, &l, t, space == d.namespace)
	if parent.node == nil {
		return l, nil
	}
	name := t.Name.Local
	if order := parent.node.order; order != nil {
		rank, known := order[name]
		if !known || rank < parent.last || space != d.namespace {
			d.unexpected = append(d.unexpected, strings.TrimPrefix(parent.node.path+"/"+name, "/"))
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

// leave closes an element and keeps its text when the checks need it.
func (d *document) leave(l level) {
	if l.node == nil || !l.node.keep {
		return
	}
	text := string(l.text)
	if l.node.path == pathThirdNIP {
		d.thirdNIPs = append(d.thirdNIPs, text)
	}
	if _, again := d.texts[l.node.path]; !again {
		d.texts[l.node.path] = text
	}
}
