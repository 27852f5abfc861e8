package invoice

import (
	"bytes"
	"strings"

	"ksefworker/internal/invoice/schema"
)

// The reader tells the schema's machine of every tag and text. See package schema for what the
// machine checks.

// attributes returns the attributes of the current tag for the machine. Nearly all elements have
// none.
func (r *reader) attributes() []schema.Attr {
	if len(r.attrs) == 0 {
		return nil
	}
	r.schemaAttrs = r.schemaAttrs[:0]
	for i := range r.attrs {
		a := &r.attrs[i]
		if a.ns == nsXMLNS {
			continue
		}
		out := schema.Attr{Kind: schema.Foreign, Name: r.bytes(a.local), Value: r.attributeValue(a)}
		switch {
		case a.ns == nsXSI:
			out.Kind = schema.Instance
			if string(out.Name) == "type" {
				out.TypeSpace, out.TypeLocal, out.Unbound = r.typeName(out.Value)
			}
		case a.ns == nsNone:
			out.Kind = schema.Plain
		}
		r.schemaAttrs = append(r.schemaAttrs, out)
	}
	return r.schemaAttrs
}

// attributeValue returns a value as XML 1.0 normalizes it.
func (r *reader) attributeValue(a *attribute) []byte {
	raw := r.bytes(a.value)
	if !a.refs && !bytes.ContainsAny(raw, "\t\r\n") {
		return raw
	}
	return r.appendValue(nil, a.value)
}

// typeName resolves the qualified name in xsi:type. Like libxml2, it accepts no white space around
// the name. unbound says that the prefix is not declared, or that the value begins with a colon.
func (r *reader) typeName(value []byte) (space, local []byte, unbound bool) {
	prefix, local, found := bytes.Cut(value, []byte{':'})
	if !found {
		prefix, local = nil, prefix
	} else if len(prefix) == 0 {
		return nil, local, true // no name begins with a colon
	}
	for i := len(r.bindings) - 1; i >= 0; i-- {
		if bytes.Equal(r.bindings[i].prefix, prefix) {
			return r.bindings[i].uri, local, false
		}
	}
	return nil, local, len(prefix) > 0
}

// between passes the current text to the machine. It is for text outside the values that the reader
// collects.
func (r *reader) between() {
	text := r.bytes(r.text)
	if r.textRefs {
		text = r.decode(nil, r.text)
	}
	r.machine.Text(text, r.data[r.tokenAt] == '<', r.text.from)
}

// endOfSchema passes an end tag to the machine, with the text of its element.
func (r *reader) endOfSchema() {
	var text []byte
	if r.collecting {
		text = r.value
	}
	r.machine.End(text, r.tokenAt)
	r.collecting = false
}

// schemaFaults returns the breaches of the schema except those that are reported already under the
// same field or at the same place.
func (r *reader) schemaFaults() []*FieldError {
	found := r.machine.Faults()
	if len(found) == 0 {
		return nil
	}
	out := make([]*FieldError, 0, len(found))
next:
	for _, f := range found {
		e := &FieldError{Field: fieldOfPath(f.Path), Rule: f.Rule, Value: f.Value, Hint: f.Hint}
		if strings.HasSuffix(f.Path, "/NIP") && strings.HasPrefix(f.Rule, schema.RulePattern) {
			e.Rule, e.Hint = nipRule(f.Value, foreignHint) // the pattern says nothing to most people
		}
		for _, other := range r.faults {
			if other.Field == e.Field || other.Offset == int64(f.At) {
				continue next
			}
		}
		out = append(out, r.mark.locate(r.data, f.At).apply(e.bound()))
	}
	return out
}

// fieldOfPath returns the name of a field by its path. For a field that identifies an invoice, it
// returns the name under which every other check reports that field.
func fieldOfPath(path string) string {
	switch path {
	case "":
		return nodeFaktura.field()
	case "Naglowek/KodFormularza":
		return nodeKodFormularza.field()
	case "Naglowek/WariantFormularza":
		return nodeWariant.field()
	case "Podmiot1/DaneIdentyfikacyjne/NIP":
		return nodeSellerNIP.field()
	case "Fa/P_1":
		return nodeIssueDate.field()
	case "Fa/P_2":
		return nodeNumber.field()
	case "Fa/RodzajFaktury":
		return nodeKind.field()
	}
	return path
}
