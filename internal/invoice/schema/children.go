package schema

import "strconv"

// find returns the index of the child with that name, or -1. The search begins at the child that
// was met last, because elements nearly always come in the order of the schema.
func (f *frame) find(name []byte) int {
	children := f.complex.Children
	for i := int(f.last); i < len(children); i++ {
		if children[i].Name == string(name) {
			return i
		}
	}
	for i := range int(f.last) {
		if children[i].Name == string(name) {
			return i
		}
	}
	return -1
}

// step moves the automaton of f over a child. number is the place of the child, from 1, among
// neighbours of the same name. It is 0 when the child cannot be repeated there. follow reports
// whether the content of the child is checked. It is not checked when the child exceeds its maximum
// number, and in most cases when the child is not allowed there (see misplaced).
func (m *Machine) step(f *frame, child, at int) (number int32, follow bool) {
	c := f.complex
	next := c.Next[int(f.state)*len(c.Children)+child]
	if next == 0 {
		return 0, m.misplaced(f, child, at)
	}
	if state := next - 1; state == f.state {
		f.run++
	} else {
		f.state, f.run = state, 1
	}
	f.last = int16(child)
	limit := int32(0)
	if c.Limits != nil {
		limit = c.Limits[f.state]
	}
	if limit > 0 && f.run > limit {
		if f.run == limit+1 {
			m.report(at, Fault{Path: under(m.path(), c.Children[child].Name),
				Rule: "must be given at most " + strconv.Itoa(int(limit)) + " times"})
		}
		return f.run, false
	}
	if c.Next[int(f.state)*len(c.Children)+child] == f.state+1 {
		return f.run, true
	}
	return 0, true
}

// path returns the path of the innermost element below the root.
func (m *Machine) path() string {
	var b []byte
	for i := 1; i < m.depth; i++ {
		f := &m.stack[i]
		if i > 1 {
			b = append(b, '/')
		}
		b = append(b, f.child.Name...)
		if f.number > 0 {
			b = append(b, '[')
			b = strconv.AppendInt(b, int64(f.number), 10)
			b = append(b, ']')
		}
	}
	return string(b)
}

// under returns the part of a path that leads from an element to its child. path is the path of the
// element. report writes the result after that path.
func under(path, child string) string {
	if path == "" {
		return child
	}
	return "/" + child
}
