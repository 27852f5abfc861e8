package schema

// Attr is an attribute of a document, other than a declaration of a namespace.
type Attr struct {
	Kind  AttrKind
	Name  []byte // local name
	Value []byte // after XML's own normalization
	// The namespace and local name of the type that xsi:type names. Unbound says that the value has
	// an undeclared prefix or is no name.
	TypeSpace, TypeLocal []byte
	Unbound              bool
}

// AttrKind is the namespace of an attribute.
type AttrKind uint8

// The kinds are: no namespace, the namespace of xsi:type, and any other.
const (
	Plain AttrKind = iota
	Instance
	Foreign
)

// attributes checks the attributes of the innermost element, which has just been opened.
func (m *Machine) attributes(attrs []Attr) {
	f := &m.stack[m.depth-1]
	for i := range attrs {
		if attrs[i].Kind == Instance {
			m.instance(f, &attrs[i])
		}
	}
	var known []Attribute
	if f.complex != nil {
		known = f.complex.Attrs
	}
	for i := range attrs {
		a := &attrs[i]
		if a.Kind == Instance {
			continue
		}
		d := declared(known, a)
		if d == nil {
			m.report(f.at, Fault{Path: "/@" + string(a.Name), Rule: "must not be given", Hint: "the schema has no such attribute there"})
			continue
		}
		v := m.table.ValueOf(d.Type)
		text := m.normal(v, a.Value)
		if rule, hint := m.breach(v, text); rule != "" {
			m.report(f.at, Fault{Path: "/@" + d.Name, Rule: rule, Value: cut(a.Value), Hint: hint})
		} else if d.Fixed != "" && string(text) != d.Fixed {
			m.report(f.at, Fault{Path: "/@" + d.Name, Rule: "must be " + d.Fixed, Value: cut(a.Value)})
		}
	}
	for i := range known {
		if d := &known[i]; d.Required && !given(attrs, d.Name) {
			m.report(f.at, Fault{Path: "/@" + d.Name, Rule: ruleGiven})
		}
	}
}

func declared(known []Attribute, a *Attr) *Attribute {
	if a.Kind != Plain {
		return nil
	}
	for i := range known {
		if known[i].Name == string(a.Name) {
			return &known[i]
		}
	}
	return nil
}

func given(attrs []Attr, name string) bool {
	for i := range attrs {
		if attrs[i].Kind == Plain && string(attrs[i].Name) == name {
			return true
		}
	}
	return false
}

// instance handles an attribute of the namespace of xsi:type. XML Schema itself allows some of
// these attributes in every element.
func (m *Machine) instance(f *frame, a *Attr) {
	switch string(a.Name) {
	case "schemaLocation", "noNamespaceSchemaLocation":
	case "nil":
		m.report(f.at, Fault{Path: "/@xsi:nil", Rule: "must not be given", Hint: "the schema lets no element be nil"})
	case "type":
		t := None
		if !a.Unbound {
			t = m.named(a.TypeSpace, a.TypeLocal)
		}
		switch {
		case t == None:
			m.report(f.at, Fault{Path: "/@xsi:type", Rule: "must name a type of the schema", Value: cut(a.Value)})
		case !m.table.derived(t, f.child.Type):
			m.report(f.at, Fault{
				Path: "/@xsi:type", Rule: "must name a type that is derived from the type of the element",
				Value: cut(a.Value),
			})
		default:
			m.retype(f, t)
		}
	default:
		m.report(f.at, Fault{Path: "/@xsi:" + string(a.Name), Rule: "must not be given", Hint: "the schema has no such attribute there"})
	}
}

// named finds a type by its name. It returns None for a type that is unknown in this document, such
// as a type of another root's schema.
func (m *Machine) named(space, local []byte) Ref {
	t := m.table
	for i := range t.Roots {
		if r := t.Roots[i].Space; r != m.root && t.Spaces[r] == string(space) {
			return None
		}
	}
	is := func(n Name) bool {
		return n.Local != "" && n.Local == string(local) && t.Spaces[n.Space] == string(space)
	}
	for i := range t.Complex {
		if is(t.Complex[i].Name) {
			return ToComplex(i)
		}
	}
	for i := range t.Values {
		if is(t.Values[i].Name) {
			return ToValue(i)
		}
	}
	return None
}

// derived reports whether from is the same type as other, or is derived from it.
func (t *Table) derived(from, other Ref) bool {
	for from != None {
		if from == other {
			return true
		}
		if from.IsValue() {
			from = t.ValueOf(from).Base
		} else {
			from = t.ComplexOf(from).Base
		}
	}
	return false
}
