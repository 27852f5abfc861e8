package schematest

import (
	"math/rand/v2"
	"strings"

	"ksefworker/internal/invoice/schema"
)

// author writes documents of one root of a table.
type author struct {
	t      *schema.Table
	root   *schema.Root
	random *rand.Rand
	valid  map[schema.Ref]string // a valid text of each type that was asked for
}

// edge is a place of the schema. It is one child of a complex type.
type edge struct {
	of    schema.Ref
	child int
}

func newAuthor(t *schema.Table, root int) *author {
	return &author{t: t, root: &t.Roots[root], random: rand.New(rand.NewPCG(uint64(root), 7))}
}

// edges returns every place below the root once, in document order, with the way to it from the
// root.
func (a *author) edges() (all []edge, ways map[edge][]edge) {
	ways = map[edge][]edge{}
	seen := map[schema.Ref]bool{}
	var visit func(r schema.Ref, way []edge)
	visit = func(r schema.Ref, way []edge) {
		if !r.IsComplex() || seen[r] {
			return
		}
		seen[r] = true
		for i, child := range a.t.ComplexOf(r).Children {
			e := edge{r, i}
			all = append(all, e)
			ways[e] = append(append([]edge{}, way...), e)
			visit(child.Type, ways[e])
		}
	}
	visit(a.root.Child.Type, nil)
	return all, ways
}

// shortest writes the smallest document that has an element at each place of a way. It returns the
// root of the document and the node at the last place.
func (a *author) shortest(way []edge) (whole, last *node) {
	whole, last = a.element(a.root.Child, way)
	whole.attrs = ` xmlns="` + a.t.Spaces[a.root.Space] + `"` + whole.attrs
	return whole, last
}

func (a *author) element(c schema.Child, way []edge) (n, last *node) {
	n = &node{name: c.Name, kind: c.Type, fixed: c.Fixed}
	if c.Type.IsValue() {
		n.text = a.text(c.Type, c.Fixed)
		return n, n
	}
	t := a.t.ComplexOf(c.Type)
	n.attrs = a.attributes(t)
	if t.Text != schema.None {
		n.text = a.text(t.Text, c.Fixed)
	}
	last = n
	need := -1
	if len(way) > 0 {
		need = way[0].child
	}
	for _, i := range content(t, need) {
		var rest []edge
		if i == need {
			rest = way[1:]
		}
		child, at := a.element(t.Children[i], rest)
		n.children = append(n.children, child)
		if i == need {
			last, need = at, -1
		}
	}
	return n, last
}

func (a *author) attributes(t *schema.Complex) string {
	var b strings.Builder
	for _, attr := range t.Attrs {
		if attr.Required {
			b.WriteString(" " + attr.Name + `="` + a.text(attr.Type, attr.Fixed) + `"`)
		}
	}
	return b.String()
}

// content returns the indexes of the children in the shortest content that includes the child with
// the index need. If need is -1, it takes the shortest content of all.
func content(t *schema.Complex, need int) []int {
	type place struct {
		state int
		had   bool
	}
	n := len(t.Children)
	start := place{0, need < 0}
	before := map[place]place{start: start}
	by := map[place]int{}
	for queue := []place{start}; len(queue) > 0; queue = queue[1:] {
		p := queue[0]
		if p.had && t.Final[p.state] == '1' {
			var way []int
			for ; p != start; p = before[p] {
				way = append([]int{by[p]}, way...)
			}
			return way
		}
		for i := range n {
			next := int(t.Next[p.state*n+i]) - 1
			if next < 0 {
				continue
			}
			to := place{next, p.had || i == need}
			if _, seen := before[to]; !seen {
				before[to], by[to] = p, i
				queue = append(queue, to)
			}
		}
	}
	panic("a content that cannot end")
}

// rich writes a document of random content and texts.
func (a *author) rich() *node {
	n := a.random1(a.root.Child)
	n.attrs = ` xmlns="` + a.t.Spaces[a.root.Space] + `"` + n.attrs
	return n
}

func (a *author) random1(c schema.Child) *node {
	n := &node{name: c.Name, kind: c.Type, fixed: c.Fixed}
	if c.Type.IsValue() {
		n.text = a.randomText(c.Type, c.Fixed)
		return n
	}
	t := a.t.ComplexOf(c.Type)
	n.attrs = a.attributes(t)
	if t.Text != schema.None {
		n.text = a.randomText(t.Text, c.Fixed)
	}
	state, run := 0, 0
	for k := len(t.Children); k > 0; {
		var choices []int
		for i := range k {
			next := int(t.Next[state*k+i]) - 1
			if next >= 0 && (next != state || run < 3) {
				choices = append(choices, i)
			}
		}
		if len(choices) == 0 || t.Final[state] == '1' && a.random.IntN(6) == 0 {
			break
		}
		i := choices[0] // the first child that is allowed here
		if a.random.IntN(3) > 0 {
			i = choices[a.random.IntN(min(len(choices), 4))]
		}
		next := int(t.Next[state*k+i]) - 1
		if run++; next != state {
			run = 1
		}
		state = next
		n.children = append(n.children, a.random1(t.Children[i]))
	}
	return n
}
