package compile

import "ksefworker/internal/invoice/schema"

// space returns the number of a namespace in the table, and adds the namespace when it is new.
func (c *compiler) space(name string) uint8 {
	for i, s := range c.table.Spaces {
		if s == name {
			return uint8(i)
		}
	}
	c.table.Spaces = append(c.table.Spaces, name)
	return uint8(len(c.table.Spaces) - 1)
}

func (c *compiler) name(n qname) schema.Name {
	if n.local == "" {
		return schema.Name{}
	}
	return schema.Name{Space: c.space(n.space), Local: n.local}
}

// typeNamed returns the type whose qualified name is text, and compiles it when it is new.
func (c *compiler) typeNamed(at *element, text string) (schema.Ref, error) {
	name, err := at.qname(text)
	if err != nil {
		return schema.None, err
	}
	if r, made := c.done[name]; made {
		return r, nil
	}
	if name.space == xsdSpace {
		return c.builtin(at, name.local)
	}
	e := c.types[name]
	if e == nil {
		return schema.None, at.fail("there is no type %s in %s", name.local, name.space)
	}
	return c.namedType(e, name)
}

func (c *compiler) namedType(e *element, name qname) (schema.Ref, error) {
	if r, made := c.done[name]; made {
		return r, nil
	}
	if c.pending[name] {
		return schema.None, e.fail("a type that contains itself is not supported")
	}
	c.pending[name] = true
	defer delete(c.pending, name)
	var r schema.Ref
	var err error
	if e.name == "simpleType" {
		r, err = c.simple(e, name)
	} else {
		r, err = c.complexType(e, name)
	}
	if err == nil {
		c.done[name] = r
	}
	return r, err
}

// child compiles an element declaration.
func (c *compiler) child(e *element) (schema.Child, error) {
	child := schema.Child{Name: e.attrs["name"], Fixed: e.attrs["fixed"]}
	if err := e.allow("name", "type", "fixed", "minOccurs", "maxOccurs"); err != nil {
		return child, err
	}
	if child.Name == "" {
		return child, e.fail("a name is needed")
	}
	if e.file.target != c.target {
		return child, e.fail("elements of more than one namespace are not supported")
	}
	var err error
	if child.Type, err = c.typeOf(e); err != nil {
		return child, err
	}
	c.used[child.Type] = true
	if _, fixed := e.attrs["fixed"]; fixed {
		if child.Fixed == "" {
			return child, e.fail("an empty fixed value is not supported")
		}
		if !child.Type.IsValue() || c.table.ValueOf(child.Type).Kind != schema.Text {
			return child, e.fail("a fixed value of this type is not supported")
		}
	}
	return child, nil
}

// typeOf returns the type of an element or attribute. This is the type that the XSD attribute
// "type" names, or the anonymous type declared inside.
func (c *compiler) typeOf(e *element) (schema.Ref, error) {
	named := e.attrs["type"]
	switch {
	case named != "" && len(e.children) == 0:
		return c.typeNamed(e, named)
	case named == "" && len(e.children) == 1 && e.children[0].name == "simpleType":
		return c.simple(e.children[0], qname{})
	case named == "" && len(e.children) == 1 && e.children[0].name == "complexType":
		return c.complexType(e.children[0], qname{})
	}
	return schema.None, e.fail("exactly one type is needed, and no other content is supported")
}
