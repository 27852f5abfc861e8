package invoice

import "bytes"

// nsID stands for a namespace name within one document, so that namespaces are compared as
// integers.
type nsID int32

const (
	nsNone  nsID = iota // no namespace
	nsXML               // the prefix xml, always declared
	nsXMLNS             // the attributes that declare namespaces
	nsFA3
	nsFA2
	nsXSI   // the attributes that XML Schema allows on every element
	nsOther // this and greater: other namespaces in order of appearance
)

// Namespaces of the forms, from the official schemas' targetNamespace.
const (
	uriFA3 = "http://crd.gov.pl/wzor/2025/06/25/13775/"
	uriFA2 = "http://crd.gov.pl/wzor/2023/06/29/12648/"
	uriFA1 = "http://crd.gov.pl/wzor/2021/11/29/11089/"

	// The forms of flat-rate farmers and of Peppol, which KSeF accepts and this package does not
	// read.
	uriFARR          = "http://crd.gov.pl/wzor/2026/03/06/14189/"
	uriUBLInvoice    = "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
	uriUBLCreditNote = "urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2"

	uriXSI   = "http://www.w3.org/2001/XMLSchema-instance"
	uriXML   = "http://www.w3.org/XML/1998/namespace"
	uriXMLNS = "http://www.w3.org/2000/xmlns/"
)

// binding is one namespace declaration in force; an empty prefix is the default namespace.
type binding struct {
	prefix []byte
	uri    []byte
	id     nsID
}

// bind puts the declarations among s.attrs into force. Then it resolves the prefixes of the other
// attributes, and refuses two attributes with the same namespace and local name.
func (s *scanner) bind() *FieldError {
	for i := range s.attrs {
		a := &s.attrs[i]
		prefix, local := s.bytes(a.prefix), s.bytes(a.local)
		var declares []byte
		switch {
		case string(prefix) == "xmlns":
			declares = local
		case len(prefix) == 0 && string(local) == "xmlns":
		default:
			continue
		}
		a.ns = nsXMLNS
		if err := s.declare(a, declares); err != nil {
			return err
		}
	}
	for i := range s.attrs {
		a := &s.attrs[i]
		if a.ns != nsXMLNS && a.prefix.to > a.prefix.from {
			var err *FieldError
			if a.ns, err = s.resolve(a.prefix); err != nil {
				return err
			}
		}
		for _, b := range s.attrs[:i] {
			if b.ns == a.ns && bytes.Equal(s.bytes(a.local), s.bytes(b.local)) {
				return s.fault(a.local.from, "must not have the same attribute twice", string(s.bytes(a.local)), "")
			}
		}
	}
	return nil
}

func (s *scanner) declare(a *attribute, prefix []byte) *FieldError {
	uri := s.bytes(a.value)
	if a.refs {
		uri = s.decode(nil, a.value)
	}
	forbidden := ""
	switch {
	case string(prefix) == "xmlns":
		forbidden = "must not declare the prefix xmlns"
	case string(uri) == uriXMLNS, (string(prefix) == "xml") != (string(uri) == uriXML):
		forbidden = "must not give XML's own namespaces another prefix"
	case len(prefix) > 0 && len(uri) == 0:
		forbidden = "must not declare a prefix with an empty namespace"
	case len(s.bindings) == maxBindings:
		forbidden = "must not have more than 256 namespace declarations in force"
	}
	if forbidden != "" {
		return s.fault(a.local.from, forbidden, string(s.bytes(a.local)), "")
	}
	b := binding{prefix: prefix, uri: uri, id: s.identify(uri)}
	s.bindings = append(s.bindings, b)
	if len(prefix) == 0 {
		s.defaultNS = b.id
	}
	return nil
}

// identify gives equal names equal ids while they are in force. A name that is declared again later
// may get another id; nothing depends on that.
func (s *scanner) identify(uri []byte) nsID {
	switch string(uri) {
	case "":
		return nsNone
	case uriXML:
		return nsXML
	case uriFA3:
		return nsFA3
	case uriFA2:
		return nsFA2
	case uriXSI:
		return nsXSI
	}
	for i := range s.bindings {
		if b := &s.bindings[i]; b.id >= nsOther && bytes.Equal(b.uri, uri) {
			return b.id
		}
	}
	s.nextID++
	return nsOther + s.nextID
}

// resolve returns the namespace of a prefix.
func (s *scanner) resolve(prefix span) (nsID, *FieldError) {
	name := s.bytes(prefix)
	for i := len(s.bindings) - 1; i >= 0; i-- {
		if bytes.Equal(s.bindings[i].prefix, name) {
			return s.bindings[i].id, nil
		}
	}
	if string(name) == "xml" {
		return nsXML, nil
	}
	return nsNone, s.fault(prefix.from, "must declare the namespace prefix before using it", string(name),
		`add xmlns:`+shorten(string(name))+`="…"`)
}

// uriOf returns the namespace name of an id in force, or "".
func (s *scanner) uriOf(id nsID) string {
	for i := len(s.bindings) - 1; i >= 0; i-- {
		if s.bindings[i].id == id {
			return string(s.bindings[i].uri)
		}
	}
	return ""
}
