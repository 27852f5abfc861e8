package schematest

import (
	"iter"
	"math/rand/v2"
	"strconv"

	"ksefworker/internal/invoice/schema"
)

func newRandom(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 7)) }

// Document is one test document. Its name says which element it is about and what was changed
// there, such as "P_15 dropped". A document without a change has only the name of the element, and
// a random one has a number.
type Document struct {
	Name string
	make func() []byte
}

// Data writes the document. It always returns the same bytes.
func (d Document) Data() []byte { return d.make() }

// Documents returns the documents of one root of a table. For every place below the root there is
// the smallest document that has an element at that place. After it come documents with one fault
// in that element: every fault that the function shapes returns, an xsi:type attribute that names
// one of several types, or one of the odd texts as its content. At the end there are random
// documents, as many as the parameter random says, half of them with a random fault. A document is
// made only when its Data is asked for.
func Documents(t *schema.Table, root, random int) iter.Seq[Document] {
	return func(yield func(Document) bool) {
		a := newAuthor(t, root)
		all, ways := a.edges()
		types := retyped(t)
		for i, e := range all {
			whole, at := a.shortest(ways[e])
			name := t.ComplexOf(e.of).Children[e.child].Name
			faults := shapes()
			// Each type that xsi:type can name is tried only at some of the places.
			for j := range types {
				if j%41 == i%41 {
					faults = append(faults, types[j])
				}
			}
			faults = append(faults, texts(t, at)...)
			if !yield(Document{name, whole.document}) {
				return
			}
			for _, f := range faults {
				damaged := func() []byte {
					whole, at := whole.clone(at)
					f.apply(whole, at)
					return whole.document()
				}
				if !yield(Document{name + " " + f.name, damaged}) {
					return
				}
			}
		}
		for i := range random {
			drawn := func() []byte {
				a := &author{t: t, root: &t.Roots[root], random: newRandom(uint64(i))}
				whole := a.rich()
				if i%2 == 1 {
					a.damage(whole)
				}
				return whole.document()
			}
			if !yield(Document{"random " + strconv.Itoa(i), drawn}) {
				return
			}
		}
	}
}

// texts returns the faults that put an odd text in the place of the text of a node. It returns none
// for a node that has no text.
func texts(t *schema.Table, n *node) []fault {
	r := n.kind
	if r.IsComplex() {
		r = t.ComplexOf(r).Text
	}
	if r == schema.None {
		return nil
	}
	seen := map[string]bool{n.text: true}
	var out []fault
	for _, text := range oddTexts(t, r, n.text) {
		if !seen[text] {
			seen[text] = true
			out = append(out, fault{"is " + text, func(_, at *node) { at.text = text }})
		}
	}
	return out
}

// damage applies a random fault at a random place.
func (a *author) damage(whole *node) {
	var all []*node
	var visit func(n *node)
	visit = func(n *node) {
		for _, child := range n.children {
			all = append(all, child)
			visit(child)
		}
	}
	visit(whole)
	if len(all) == 0 {
		return
	}
	at := all[a.random.IntN(len(all))]
	faults := shapes()
	if own := texts(a.t, at); len(own) > 0 && a.random.IntN(2) == 0 {
		faults = own
	}
	faults[a.random.IntN(len(faults))].apply(whole, at)
}
