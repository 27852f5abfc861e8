package schema

import (
	"strconv"
	"strings"
)

// misplaced reports a child that is not allowed in the present state of f, and decides how to
// continue. If required elements are missing before the child, the check continues as if they were
// there. If the child came too late or too often, the check continues as if the child were not
// there. misplaced returns whether the child itself is checked.
func (m *Machine) misplaced(f *frame, child, at int) bool {
	c := f.complex
	if state := m.missing(f, child, at); state >= 0 {
		f.state, f.run, f.last = c.next(state, child), 1, int16(child)
		return true
	}
	name := c.Children[child].Name
	path := m.path() + under(m.path(), name)
	for i := len(m.faults) - 1; i >= 0; i-- {
		// The child was reported as missing when another element came in its place.
		if e := &m.faults[i]; e.Path == path && e.Rule == ruleGiven && e.At > f.at {
			e.At, e.Rule = at, "must be given earlier"
			return true
		}
	}
	fault := Fault{Path: under(m.path(), name), Rule: ruleNotHere}
	expected := f.expected()
	switch {
	case int(f.last) == child && f.run > 0:
		fault.Rule = "must be given once"
	case len(expected) > 0:
		fault.Hint = "after " + c.Children[f.last].Name + " may follow: " + list(expected, ", ")
	case f.run > 0:
		fault.Hint = "nothing may follow " + c.Children[f.last].Name
	}
	m.report(at, fault)
	return false
}

const (
	ruleGiven   = "must be given"
	ruleNotHere = "must not be given here"
)

// next returns the state after a child that is allowed.
func (c *Complex) next(state, child int) uint8 { return c.Next[state*len(c.Children)+child] - 1 }

// needed returns for every state the smallest number of elements that lead from it to a goal. A
// goal is a state that allows child or, with child -1, a state in which the content may end. The
// number is -1 where no goal can be reached. The argument avoid is the index of a child; ways
// through this child do not count. There are few states, and this runs only for a faulty document.
func (c *Complex) needed(child, avoid int) []int {
	n := len(c.Children)
	needed := make([]int, len(c.Final))
	for s := range needed {
		needed[s] = -1
		if child < 0 && c.Final[s] == '1' || child >= 0 && c.Next[s*n+child] != 0 {
			needed[s] = 0
		}
	}
	for changed := true; changed; {
		changed = false
		for s := range needed {
			for i := range n {
				next := int(c.Next[s*n+i]) - 1
				if i != avoid && next >= 0 && needed[next] >= 0 && (needed[s] < 0 || needed[s] > needed[next]+1) {
					needed[s] = needed[next] + 1
					changed = true
				}
			}
		}
	}
	return needed
}

// missing reports the elements that are missing in f before a child. With child -1, it reports
// those that are missing before the end of f. It returns the state in which the child or the end
// may follow, or -1 when no such state can be reached.
func (m *Machine) missing(f *frame, child, at int) int {
	c := f.complex
	n := len(c.Children)
	needed := c.needed(child, -1)
	s := int(f.state)
	if needed[s] < 0 {
		return -1
	}
	where := "expected before </" + f.child.Name + ">"
	if child >= 0 {
		where = "expected before <" + c.Children[child].Name + ">"
	}
	for needed[s] > 0 {
		first := 0
		for c.Next[s*n+first] == 0 || needed[c.next(s, first)] != needed[s]-1 {
			first++
		}
		// The child with the index first is missing. Another child is an alternative if a way that
		// begins with that other child reaches the goal without the missing child.
		var names []string
		without := c.needed(child, first)
		for i := range n {
			if i == first || c.Next[s*n+i] != 0 && without[c.next(s, i)] >= 0 {
				names = append(names, c.Children[i].Name)
			}
		}
		if len(names) == 1 {
			m.report(at, Fault{Path: under(m.path(), names[0]), Rule: ruleGiven, Hint: where})
		} else {
			m.report(at, Fault{Rule: "must contain " + list(names, " or "), Hint: where})
		}
		s = int(c.next(s, first))
	}
	return s
}

// expected returns the names of the children that are allowed in the present state.
func (f *frame) expected() (names []string) {
	c := f.complex
	for i := range c.Children {
		if c.Next[int(f.state)*len(c.Children)+i] != 0 {
			names = append(names, c.Children[i].Name)
		}
	}
	return names
}

// list joins up to eight names.
func list(names []string, last string) string {
	const maxShown = 8
	if len(names) > maxShown {
		return strings.Join(names[:maxShown], ", ") + " and " + strconv.Itoa(len(names)-maxShown) + " others"
	}
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + last + names[n-1]
	}
	return strings.Join(names, "")
}

// unknown reports an element that the schema does not know there.
func (m *Machine) unknown(f *frame, own bool, name []byte, at int) {
	fault := Fault{Path: under(m.path(), string(name)), Rule: ruleNotHere}
	switch expected := f.expected(); {
	case !own:
		fault.Hint = "it has another namespace than " + m.stack[0].child.Name
	case len(expected) > 0:
		fault.Hint = "the schema has no such element there; allowed are " + list(expected, ", ")
	default:
		fault.Hint = "the schema has no such element there"
	}
	m.report(at, fault)
}

// excerpt is the maximum length, in bytes, of a value in a fault. The caller that shows the value
// cuts it further, by characters.
const excerpt = 400
