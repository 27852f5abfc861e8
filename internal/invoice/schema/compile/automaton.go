package compile

import (
	"slices"

	"ksefworker/internal/invoice/schema"
)

// The content model becomes a Glushkov automaton. It has one position for each place of an element,
// and its states are sets of positions. XML Schema demands that the place of each element is known
// without looking ahead, so nearly every state has one position.

// maxStates bounds the number of states, so that a state plus one fits into a byte.
const maxStates = 254

// maxCopies bounds how many copies are made of a group that may be repeated a limited number of
// times, and of an element that must be repeated.
const maxCopies = 64

// glushkov collects the positions of one content model.
type glushkov struct {
	at     *element
	child  []int   // position: index of its child
	limit  []int   // position: maximum of elements in a row, 0 for no limit
	loops  []bool  // position: followed by itself because of its own maxOccurs
	follow [][]int // position: what may come next
	names  map[string]int
	t      *schema.Complex
}

// part is a piece of the content model, given by the positions that may begin and end it.
type part struct {
	first, last []int
	empty       bool // it may be left out
}

// automaton sets the children and the automaton of t.
func automaton(at *element, content *particle, t *schema.Complex) error {
	g := &glushkov{at: at, names: map[string]int{}, t: t}
	whole, err := g.repeat(content)
	if err != nil {
		return err
	}
	return g.determine(whole)
}

// repeat adds a particle with its occurrences.
func (g *glushkov) repeat(p *particle) (part, error) {
	if p.most == 0 {
		return part{empty: true}, nil
	}
	if p.kind == single {
		return g.single(p)
	}
	if p.least > maxCopies || p.most > maxCopies {
		return part{}, p.at.fail("minOccurs and maxOccurs of a group may be at most %d", maxCopies)
	}
	whole := part{empty: true}
	for range p.least {
		one, err := g.once(p)
		if err != nil {
			return part{}, err
		}
		whole = g.join(whole, one)
	}
	rest := part{empty: true}
	if p.most == unbounded {
		one, err := g.once(p)
		if err != nil {
			return part{}, err
		}
		for _, l := range one.last {
			for _, f := range one.first {
				if g.loops[l] && l == f {
					return part{}, p.at.fail("repeats an element that has a limit of its own; that is not supported")
				}
				g.follows(l, f)
			}
		}
		rest = one
	}
	for range p.most - p.least {
		one, err := g.once(p)
		if err != nil {
			return part{}, err
		}
		rest = g.join(one, rest)
		rest.empty = true
	}
	rest.empty = true
	return g.join(whole, rest), nil
}

// single adds an element.
func (g *glushkov) single(p *particle) (part, error) {
	index, known := g.names[p.child.Name]
	if !known {
		index = len(g.t.Children)
		g.names[p.child.Name] = index
		g.t.Children = append(g.t.Children, p.child)
	} else if g.t.Children[index] != p.child {
		return part{}, p.at.fail("another %s in the same content has another type", p.child.Name)
	}
	whole := part{empty: true}
	needed := max(p.least, 1)
	if needed > maxCopies {
		return part{}, p.at.fail("minOccurs may be at most %d", maxCopies)
	}
	for i := range needed {
		at := len(g.child)
		g.child = append(g.child, index)
		g.limit, g.loops, g.follow = append(g.limit, 0), append(g.loops, false), append(g.follow, nil)
		if i == needed-1 && p.most != 1 && p.most != needed {
			g.loops[at] = true
			if p.most != unbounded {
				g.limit[at] = p.most - needed + 1
			}
			g.follows(at, at)
		}
		whole = g.join(whole, part{first: []int{at}, last: []int{at}})
	}
	whole.empty = p.least == 0
	return whole, nil
}

// once adds a group without its occurrences.
func (g *glushkov) once(p *particle) (part, error) {
	if p.kind == all {
		return g.anyOrder(p, p.parts)
	}
	whole := part{empty: p.kind == sequence || len(p.parts) == 0}
	for _, piece := range p.parts {
		one, err := g.repeat(piece)
		if err != nil {
			return part{}, err
		}
		if p.kind == sequence {
			whole = g.join(whole, one)
		} else {
			whole = either(whole, one)
		}
	}
	return whole, nil
}

// maxAll is the maximum number of elements in xsd:all. It is small because every order becomes a
// branch.
const maxAll = 5

func (g *glushkov) anyOrder(p *particle, rest []*particle) (part, error) {
	if len(p.parts) > maxAll {
		return part{}, p.at.fail("at most %d elements are supported", maxAll)
	}
	whole := part{empty: true}
	for i, first := range rest {
		whole.empty = whole.empty && first.least == 0
		given := *first
		given.least = 1
		one, err := g.single(&given)
		if err != nil {
			return part{}, err
		}
		others, err := g.anyOrder(p, slices.Delete(slices.Clone(rest), i, i+1))
		if err != nil {
			return part{}, err
		}
		one = g.join(one, others)
		whole.first, whole.last = append(whole.first, one.first...), append(whole.last, one.last...)
	}
	return whole, nil
}

func (g *glushkov) follows(a, b int) {
	if !slices.Contains(g.follow[a], b) {
		g.follow[a] = append(g.follow[a], b)
	}
}

// join puts b after a.
func (g *glushkov) join(a, b part) part {
	for _, l := range a.last {
		for _, f := range b.first {
			g.follows(l, f)
		}
	}
	whole := part{first: slices.Clone(a.first), last: slices.Clone(b.last), empty: a.empty && b.empty}
	if a.empty {
		whole.first = append(whole.first, b.first...)
	}
	if b.empty {
		whole.last = append(whole.last, a.last...)
	}
	return whole
}

func either(a, b part) part {
	return part{first: append(slices.Clone(a.first), b.first...), last: append(slices.Clone(a.last), b.last...),
		empty: a.empty || b.empty}
}
