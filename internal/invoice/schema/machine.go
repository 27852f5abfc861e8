package schema

// Machine checks one document. Its caller reports every tag and text in document order, by Begin
// for the root and then by Start, Text and End. The zero Machine is ready for Begin. A Machine must
// not be copied after Begin. It is not safe for concurrent use.
//
// The caller's XML reader, not the Machine, checks that the document is well-formed.
type Machine struct {
	table *Table
	root  uint8 // namespace of the root
	depth int   // open elements on the stack
	skip  int   // open elements that are not checked, inside the innermost one on the stack
	stack [MaxDepth + 1]frame

	scratch []byte // the normalized value, where that differs from the text
	faults  []Fault
	full    bool // nothing more is checked
}

// frame is an open element.
type frame struct {
	child   *Child
	complex *Complex // nil when the type is a Value
	value   *Value   // type of the text; nil when there must be none
	at      int
	run     int32 // elements in a row that kept the automaton in its state
	number  int32 // from 1 among equal neighbours that the schema lets repeat, otherwise 0
	last    int16 // index of the child that came last
	state   uint8
	broken  bool // its text has been reported
}

// Fault is one breach of the schema.
type Fault struct {
	// At is the byte offset to look at. It is the offset of the element or text at fault, or of the
	// tag before which something is missing.
	At int
	// Path is the element at fault below the root, such as Fa/FaWiersz[3]/P_8B; "" is the root.
	// An attribute follows the path as @name.
	Path string
	// Rule completes the sentence "field …", such as "must be given". Value is what was found and
	// may be long. Hint may be empty.
	Rule, Value, Hint string
}

// maxFaults is the maximum number of faults of a document. A Machine that has found this many
// checks nothing more.
const maxFaults = 20

// Faults returns the faults found so far, in the order in which they were found. It returns nil for
// a valid document. The slice may be used until the next call of a method.
func (m *Machine) Faults() []Fault { return m.faults }

// Begin starts a document with its root. It reports whether t has a root of that namespace and
// name. If it reports false, the document is not checked. at is the offset of the root's tag.
func (m *Machine) Begin(t *Table, namespace string, name []byte, attrs []Attr, at int) bool {
	m.table, m.depth, m.skip, m.faults, m.full = t, 0, 0, nil, false
	for i := range t.Roots {
		r := &t.Roots[i]
		if t.Spaces[r.Space] == namespace && r.Child.Name == string(name) {
			m.root = r.Space
			m.push(&r.Child, 0, at)
			m.attributes(attrs)
			return true
		}
	}
	m.full = true
	return false
}

// Start enters an element. own says that the element has the namespace of the root. Start reports
// whether the element's text matters, so that the caller must collect it for End.
func (m *Machine) Start(own bool, name []byte, attrs []Attr, at int) (text bool) {
	if m.skip > 0 || m.full {
		m.skip++
		return false
	}
	f := &m.stack[m.depth-1]
	if f.value != nil {
		if !f.broken {
			f.broken = true
			m.report(at, Fault{Rule: "must contain text, not elements", Value: "<" + string(name) + ">"})
		}
		m.skip++
		return false
	}
	child := -1
	if own {
		child = f.find(name)
	}
	if child < 0 {
		m.unknown(f, own, name, at)
		m.skip++
		return false
	}
	number, follow := m.step(f, child, at)
	if !follow {
		m.skip++
		return false
	}
	m.push(&f.complex.Children[child], number, at)
	f = &m.stack[m.depth-1]
	if len(attrs) > 0 || f.complex != nil && len(f.complex.Attrs) > 0 {
		m.attributes(attrs)
	}
	return f.value != nil
}

// push opens an element on the stack.
func (m *Machine) push(c *Child, number int32, at int) {
	f := &m.stack[m.depth]
	m.depth++
	*f = frame{child: c, at: at, number: number}
	m.retype(f, c.Type)
}

// retype sets the type of an element.
func (m *Machine) retype(f *frame, t Ref) {
	f.complex, f.value = nil, nil
	if t.IsValue() {
		f.value = m.table.ValueOf(t)
		return
	}
	f.complex = m.table.ComplexOf(t)
	if f.complex.Text != None {
		f.value = m.table.ValueOf(f.complex.Text)
	}
}

// Text takes the text between elements. It ignores the text of elements for which Start returned
// true, because End takes that text. cdata says that the text is a CDATA section. libxml2 and .NET
// refuse a CDATA section between elements even if it is blank.
func (m *Machine) Text(text []byte, cdata bool, at int) {
	if m.skip > 0 || m.full || m.depth == 0 {
		return
	}
	f := &m.stack[m.depth-1]
	if f.value != nil || f.broken {
		return
	}
	i := 0
	for i < len(text) && (text[i] == ' ' || text[i] == '\n' || text[i] == '\t' || text[i] == '\r') {
		i++
	}
	if i < len(text) || cdata {
		f.broken = true // reported once; the end of the element is still checked
		m.report(at, Fault{Rule: "must contain elements, not text", Value: cut(text[i:])})
	}
}

// End leaves the innermost element. If Start returned true for the element, text is its whole text.
// References in the text are replaced, and line ends are as XML reads them. at is the offset of the
// element's end tag.
func (m *Machine) End(text []byte, at int) {
	if m.skip > 0 {
		m.skip--
		return
	}
	if m.full || m.depth == 0 {
		return
	}
	f := &m.stack[m.depth-1]
	switch {
	case f.broken && f.value != nil:
	case f.value != nil:
		m.value(f, text)
	case f.complex.Final[f.state] != '1':
		m.missing(f, -1, at)
	}
	m.depth--
}

// report adds a fault of the innermost element.
func (m *Machine) report(at int, fault Fault) {
	if m.full {
		return
	}
	fault.At = at
	fault.Path = m.path() + fault.Path
	m.faults = append(m.faults, fault)
	m.full = len(m.faults) == maxFaults
}
