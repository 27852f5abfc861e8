package compile

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"ksefworker/internal/invoice/schema"
)

// Source is one schema from which a table is made.
type Source struct {
	File string // name of its file in the folder
	Root string // local name of the global element with which a document begins
}

// Compile reads schemas from a folder and makes one table of them. A type that several schemas
// share is in the table once.
func Compile(dir string, sources ...Source) (*schema.Table, error) {
	c := &compiler{
		table:   &schema.Table{Spaces: []string{""}},
		types:   map[qname]*element{},
		done:    map[qname]schema.Ref{},
		pending: map[qname]bool{},
		sharedV: map[string]schema.Ref{},
		sharedP: map[string]uint8{},
		used:    map[schema.Ref]bool{},
	}
	files := map[string]*file{}
	roots := make([]*element, len(sources))
	for i, s := range sources {
		if err := load(dir, s.File, files); err != nil {
			return nil, err
		}
		for _, e := range files[s.File].root.children {
			if e.name == "element" && e.attrs["name"] == s.Root {
				roots[i] = e
			}
		}
		if roots[i] == nil {
			return nil, fmt.Errorf("schema %s has no global element %s", s.File, s.Root)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := c.globals(files[name]); err != nil {
			return nil, err
		}
	}
	for i, e := range roots {
		if err := c.root(e); err != nil {
			return nil, fmt.Errorf("schema %s: %w", sources[i].File, err)
		}
	}
	if err := c.derivedTypes(); err != nil {
		return nil, err
	}
	for _, r := range c.table.Roots {
		if d := depth(c.table, r.Child.Type, 1); d > schema.MaxDepth {
			return nil, fmt.Errorf("elements of %s nest %d deep; at most %d are supported", r.Child.Name, d, schema.MaxDepth)
		}
	}
	return c.table, nil
}

// compiler makes a table.
type compiler struct {
	table   *schema.Table
	types   map[qname]*element // the global types
	done    map[qname]schema.Ref
	pending map[qname]bool // types that are being made, to refuse recursion
	// Equal anonymous types and equal patterns are made once. The keys are their texts.
	sharedV map[string]schema.Ref
	sharedP map[string]uint8
	used    map[schema.Ref]bool // types that an element has
	target  string              // namespace of the elements of the schema that is being compiled
}

// globals registers the types of a file and refuses what is not supported.
func (c *compiler) globals(f *file) error {
	for _, e := range f.root.children {
		switch e.name {
		case "simpleType", "complexType":
			name := qname{f.target, e.attrs["name"]}
			if name.local == "" {
				return e.fail("a global type has no name")
			}
			if c.types[name] != nil {
				return e.fail("the global type %q is declared twice", name.local)
			}
			c.types[name] = e
		case "include", "import", "element":
		default:
			return e.fail("is not supported")
		}
	}
	return nil
}

func (c *compiler) root(e *element) error {
	c.target = e.file.target
	child, err := c.child(e)
	if err != nil {
		return err
	}
	c.table.Roots = append(c.table.Roots, schema.Root{Space: c.space(c.target), Child: child})
	return nil
}

// derivedTypes adds the named types that are derived from the type of an element, because a
// document may name them by xsi:type.
func (c *compiler) derivedTypes() error {
	names := slices.SortedFunc(maps.Keys(c.types), func(a, b qname) int {
		return cmp.Or(cmp.Compare(a.space, b.space), cmp.Compare(a.local, b.local))
	})
	for _, name := range names {
		wanted, err := c.derivedFromUsed(name)
		if err != nil {
			return err
		}
		if wanted {
			c.target = name.space
			if _, err := c.namedType(c.types[name], name); err != nil {
				return err
			}
		}
	}
	for _, name := range builtinNames() {
		for base := name; base != ""; base = builtins[base].base {
			if r, made := c.done[qname{xsdSpace, base}]; made && c.used[r] {
				if _, err := c.builtin(c.types[names[0]], name); err != nil {
					return err
				}
				break
			}
		}
	}
	return nil
}

// derivedFromUsed reports whether a global type is, or is derived from, a type that an element has.
func (c *compiler) derivedFromUsed(name qname) (bool, error) {
	for {
		if r, made := c.done[name]; made && c.used[r] {
			return true, nil
		}
		if name.space == xsdSpace {
			name.local = builtins[name.local].base
		} else if e := c.types[name]; e == nil {
			return false, nil
		} else {
			var err error
			if name, err = baseOf(e); err != nil {
				return false, err
			}
		}
		if name.local == "" {
			return false, nil
		}
	}
}

// baseOf returns the name of the type that a global type restricts or extends, or the zero qname.
func baseOf(e *element) (qname, error) {
	for _, child := range e.children {
		switch child.name {
		case "restriction", "extension":
			if child.attrs["base"] == "" {
				return qname{}, nil
			}
			return child.qname(child.attrs["base"])
		case "simpleContent", "complexContent":
			return baseOf(child)
		}
	}
	return qname{}, nil
}

// depth returns the depth of the deepest element in the subtree of an outer element. The outer
// element is at depth at, and its type is r or is derived from r.
func depth(t *schema.Table, r schema.Ref, at int) int {
	deepest := at
	for i := range t.Complex {
		base := schema.ToComplex(i)
		for base != r && base.IsComplex() {
			base = t.ComplexOf(base).Base
		}
		if base != r || !r.IsComplex() {
			continue
		}
		for _, child := range t.Complex[i].Children {
			deepest = max(deepest, depth(t, child.Type, at+1))
		}
	}
	return deepest
}
