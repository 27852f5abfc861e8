package compile

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
)

const xsdSpace = "http://www.w3.org/2001/XMLSchema"

// element is an element of a schema file. All elements there are of XML Schema's namespace.
type element struct {
	name     string
	attrs    map[string]string
	spaces   map[string]string // namespaces by prefix
	children []*element
	file     *file
	line     int
}

// file is a schema file.
type file struct {
	name   string
	target string // targetNamespace
	root   *element
}

func (e *element) fail(format string, args ...any) error {
	return fmt.Errorf("%s:%d: xsd:%s: %s", e.file.name, e.line, e.name, fmt.Sprintf(format, args...))
}

// allow fails when the element has an attribute that is not among names. Foreign attributes, such
// as xml:lang, and the attribute id do not count.
func (e *element) allow(names ...string) error {
next:
	for a := range e.attrs {
		for _, n := range names {
			if a == n {
				continue next
			}
		}
		return e.fail("the attribute %s is not supported", a)
	}
	return nil
}

// qname resolves a qualified name in the element's scope.
func (e *element) qname(text string) (qname, error) {
	prefix, local, found := strings.Cut(strings.TrimSpace(text), ":")
	if !found {
		prefix, local = "", prefix
	}
	space, declared := e.spaces[prefix]
	if !declared && prefix != "" {
		return qname{}, e.fail("the prefix %s is not declared", prefix)
	}
	return qname{space, local}, nil
}

type qname struct{ space, local string }

// load reads a schema file and all that it includes or imports, each once. It looks for a file by
// the last part of its address, in dir and then in the folder bazowe of dir. It fetches nothing
// over the network.
func load(dir, name string, seen map[string]*file) error {
	base := path.Base(strings.ReplaceAll(name, `\`, "/"))
	if seen[base] != nil {
		return nil
	}
	text, err := os.Open(filepath.Join(dir, base))
	if errors.Is(err, os.ErrNotExist) {
		text, err = os.Open(filepath.Join(dir, "bazowe", base))
	}
	if err != nil {
		return fmt.Errorf("open schema %s: %w", base, err)
	}
	defer text.Close()
	f, err := parse(base, text)
	if err != nil {
		return fmt.Errorf("read schema %s: %w", base, err)
	}
	seen[base] = f
	for _, e := range f.root.children {
		if e.name != "include" && e.name != "import" {
			continue
		}
		if err := load(dir, e.attrs["schemaLocation"], seen); err != nil {
			return err
		}
		other := seen[path.Base(e.attrs["schemaLocation"])]
		want := f.target
		if e.name == "import" {
			want = e.attrs["namespace"]
		}
		if other.target != want {
			return e.fail("%s has the namespace %s, not %s", other.name, other.target, want)
		}
	}
	return nil
}

// parse builds the tree of one file. Annotations are left out.
func parse(name string, text io.Reader) (*file, error) {
	f := &file{name: name}
	d := xml.NewDecoder(text)
	var open []*element
	for {
		t, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			line, _ := d.InputPos()
			if t.Name.Space != xsdSpace {
				return nil, fmt.Errorf("line %d: element %s is not of XML Schema", line, t.Name.Local)
			}
			if t.Name.Local == "annotation" {
				if err := d.Skip(); err != nil {
					return nil, err
				}
				continue
			}
			e := &element{name: t.Name.Local, attrs: map[string]string{}, file: f, line: line}
			if len(open) > 0 {
				parent := open[len(open)-1]
				parent.children = append(parent.children, e)
				e.spaces = parent.spaces
			} else {
				f.root = e
			}
			e.take(t.Attr)
			open = append(open, e)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if strings.TrimSpace(string(t)) != "" {
				return nil, fmt.Errorf("unexpected text %q", t)
			}
		}
	}
	if f.root == nil || f.root.name != "schema" {
		return nil, errors.New("the root is not xsd:schema")
	}
	f.target = f.root.attrs["targetNamespace"]
	switch {
	case f.target == "":
		return nil, f.root.fail("a targetNamespace is needed")
	case f.root.attrs["elementFormDefault"] != "qualified":
		return nil, f.root.fail("elementFormDefault must be qualified")
	case f.root.attrs["attributeFormDefault"] == "qualified":
		return nil, f.root.fail("attributeFormDefault must be unqualified")
	}
	return f, f.root.allow("targetNamespace", "elementFormDefault", "attributeFormDefault", "version")
}

// take stores the attributes of a tag in the element, and adds the namespace declarations of the
// tag to the element's scope.
func (e *element) take(attrs []xml.Attr) {
	own := map[string]string{}
	for _, a := range attrs {
		switch {
		case a.Name.Space == "xmlns":
			own[a.Name.Local] = a.Value
		case a.Name.Space == "" && a.Name.Local == "xmlns":
			own[""] = a.Value
		case a.Name.Space == "" && a.Name.Local != "id":
			e.attrs[a.Name.Local] = a.Value
		}
	}
	if len(own) == 0 {
		return
	}
	for prefix, space := range e.spaces {
		if _, again := own[prefix]; !again {
			own[prefix] = space
		}
	}
	e.spaces = own
}
