package schema

import (
	"strconv"
	"strings"
)

// misplaced reports a child that is not allowed in the present state of f and decides how to go on:
// after required elements that are missing, as if they had been there; after a child that came too
// late or too often, as if it were not there. It reports whether the child itself is judged.
func (m *Machine) misplaced(f *frame, child, at int) bool {
	c := f.complex
	name := c.Children[child].Name
	if m.missing(f, child, at) {
		for s := range len(c.Final) {
			// One of the states after the child. Elements of one name have one type, so any will do.
			if f.reaches(uint8(s), child) {
				f.state, f.run, f.last = c.Next[s*len(c.Children)+child]-1, 1, int16(child)
				return true
			}
		}
	}
	fault := Fault{Path: under(m.path(), name), Rule: "must not be given here"}
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

// reaches reports whether state s can follow the present state and allows the child.
func (f *frame) reaches(s uint8, child int) bool {
	distance := f.distances()
	return distance[s] >= 0 && f.complex.Next[int(s)*len(f.complex.Children)+child] != 0
}

// distances counts for every state the fewest elements that lead to it from the present state; -1
// when it cannot be reached.
func (f *frame) distances() []int {
	c := f.complex
	n := len(c.Children)
	distance := make([]int, len(c.Final))
	for i := range distance {
		distance[i] = -1
	}
	distance[f.state] = 0
	queue := []int{int(f.state)}
	for len(queue) > 0 {
		s := queue[0]
		queue = queue[1:]
		for i := range n {
			next := int(c.Next[s*n+i]) - 1
			if next >= 0 && distance[next] < 0 {
				distance[next] = distance[s] + 1
				queue = append(queue, next)
			}
		}
	}
	return distance
}

// missing reports the elements that are missing in f before a child, or with child -1 before its
// end. It reports whether there are any: if not, the child can't come after the present state.
func (m *Machine) missing(f *frame, child, at int) bool {
	c := f.complex
	n := len(c.Children)
	// needed[s] is the fewest elements between state s and one that allows the child. There are at
	// most a hundred states, and this runs only for a faulty document.
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
				if next >= 0 && needed[next] >= 0 && (needed[s] < 0 || needed[s] > needed[next]+1) {
					needed[s] = needed[next] + 1
					changed = true
				}
			}
		}
	}
	if needed[f.state] < 0 {
		return false
	}
	where := "expected before </" + f.child.Name + ">"
	if child >= 0 {
		where = "expected before <" + c.Children[child].Name + ">"
	}
	for s := int(f.state); needed[s] > 0; {
		var names []string
		next := 0
		for i := n - 1; i >= 0; i-- {
			if to := int(c.Next[s*n+i]) - 1; to >= 0 && needed[to] == needed[s]-1 {
				names, next = append(names, c.Children[i].Name), to
			}
		}
		if len(names) == 1 {
			m.report(at, Fault{Path: under(m.path(), names[0]), Rule: "must be given", Hint: where})
		} else {
			for i, j := 0, len(names)-1; i < j; i, j = i+1, j-1 {
				names[i], names[j] = names[j], names[i]
			}
			m.report(at, Fault{Rule: "must contain " + list(names, " or "), Hint: where})
		}
		s = next
	}
	return true
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
	const most = 8
	if len(names) > most {
		return strings.Join(names[:most], ", ") + " and " + strconv.Itoa(len(names)-most) + " others"
	}
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + last + names[n-1]
	}
	return strings.Join(names, "")
}

// unknown reports an element that the schema does not know there.
func (m *Machine) unknown(f *frame, own bool, name []byte, at int) {
	fault := Fault{Path: under(m.path(), string(name)), Rule: "must not be given here"}
	switch expected := f.expected(); {
	case !own:
		fault.Hint = "it has another namespace than Faktura"
	case len(expected) > 0:
		fault.Hint = "the schema has no such element there; allowed are " + list(expected, ", ")
	default:
		fault.Hint = "the schema has no such element there"
	}
	m.report(at, fault)
}

// excerpt is how many bytes of a value a fault has at most. Whoever shows it cuts it to characters.
const excerpt = 400
