package fa

import (
	"encoding/xml"
	"fmt"
)

// The first two namespaces belong to XML itself: only the prefix xml stands for xmlSpace, and only
// xmlns for xmlnsSpace. instanceSpace is the namespace of the attributes of XML Schema, such as
// xsi:type. Any prefix may stand for it.
const (
	xmlSpace      = "http://www.w3.org/XML/1998/namespace"
	xmlnsSpace    = "http://www.w3.org/2000/xmlns/"
	instanceSpace = "http://www.w3.org/2001/XMLSchema-instance"
)

// isDeclaration reports whether an attribute declares a namespace.
func isDeclaration(a xml.Attr) bool {
	return a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns"
}

// declare puts the declarations among the attributes of an element into force. It refuses an
// attribute that is given twice. It does not check whether the name of a namespace is a URI. The
// specification (Namespaces in XML) does not demand this check of a parser, and most parsers accept
// any text. Only xmllint complains about a name such as "a b".
func (l *level) declare(attrs []xml.Attr) error {
	for i, a := range attrs {
		for _, b := range attrs[:i] {
			if a.Name == b.Name {
				return fmt.Errorf("the attribute %s is given twice", a.Name.Local)
			}
		}
		if !isDeclaration(a) {
			continue
		}
		prefix := ""
		if a.Name.Space != "" {
			prefix = a.Name.Local
		}
		switch {
		case prefix == "xmlns", a.Value == xmlnsSpace, (prefix == "xml") != (a.Value == xmlSpace):
			return fmt.Errorf("the prefix %q is declared for %q", prefix, a.Value)
		case prefix != "" && a.Value == "":
			return fmt.Errorf("the prefix %s is declared for no namespace", prefix)
		}
		l.spaces = append(l.spaces[:len(l.spaces):len(l.spaces)], a)
	}
	return nil
}

// distinct checks that no two attributes have the same name in the same namespace.
func (l *level) distinct(attrs []xml.Attr) error {
	var seen []xml.Name // of attributes with a prefix, which are rare
	for _, a := range attrs {
		if a.Name.Space == "" || isDeclaration(a) {
			continue
		}
		space, err := l.resolve(a.Name.Space)
		if err != nil {
			return err
		}
		name := xml.Name{Space: space, Local: a.Name.Local}
		for _, other := range seen {
			if other == name {
				return fmt.Errorf("the attribute %s of %s is given twice", name.Local, name.Space)
			}
		}
		seen = append(seen, name)
	}
	return nil
}

// resolve gives the namespace of a prefix. The prefix "" is the default namespace, which may be
// empty.
func (l *level) resolve(prefix string) (string, error) {
	for i := len(l.spaces) - 1; i >= 0; i-- {
		a := l.spaces[i]
		if prefix == "" && a.Name.Space == "" || prefix != "" && a.Name.Space == "xmlns" && a.Name.Local == prefix {
			return a.Value, nil
		}
	}
	switch prefix {
	case "":
		return "", nil
	case "xml":
		return xmlSpace, nil
	}
	return "", fmt.Errorf("the prefix %s is not declared", prefix)
}
