package fa

import (
	"encoding/xml"
	"strings"
)

// The namespaces of types, besides that of the form.
const (
	typesSpace  = "http://crd.gov.pl/xml/schematy/dziedzinowe/mf/2022/01/05/eD/DefinicjeTypy/"
	schemaSpace = "http://www.w3.org/2001/XMLSchema"
)

// prefixed checks the attributes that have a prefix. The Ministry's schemas declare no such
// attribute, but XML Schema itself allows four of them in any element. One of the four, xsi:nil, is
// a breach everywhere, because no element of the schemas is nillable.
func (d *document) prefixed(l *level, attrs []xml.Attr) {
	for _, a := range attrs {
		if a.Name.Space == "" || isDeclaration(a) {
			continue
		}
		space, _ := l.resolve(a.Name.Space) // never fails after [level.distinct]
		local := a.Name.Local
		switch {
		case space == instanceSpace && (local == "schemaLocation" || local == "noNamespaceSchemaLocation"):
		case space == instanceSpace && local == "type" && d.retype(l, a.Value):
		default:
			d.breach(l.depth, "has the attribute %s:%s=%.60q", a.Name.Space, local, a.Value)
		}
	}
}

// retype gives an element the type that xsi:type names, and reports whether the element may have
// that type. An element may have its own type, and any type that is derived from its own. Like
// xmllint, and unlike XML Schema, retype accepts no white space around the name.
func (d *document) retype(l *level, name string) bool {
	prefix, local, found := strings.Cut(name, ":")
	if !found {
		prefix, local = "", name
	}
	space, err := l.resolve(prefix)
	if err != nil || found && prefix == "" {
		return false
	}
	switch space {
	case d.namespace:
		name = "tns:" + local
	case typesSpace:
		name = "etd:" + local
	case schemaSpace:
		name = "xsd:" + local
	default:
		return false
	}
	for at := name; at != l.typ; at = d.types[at].parent {
		if _, known := d.types[at]; !known {
			return false
		}
	}
	t, known := d.types[name]
	if known {
		l.content, l.value, l.typ = t.content, t.text, name
	}
	return known
}
