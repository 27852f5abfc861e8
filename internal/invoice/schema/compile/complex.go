package compile

import (
	"fmt"

	"ksefworker/internal/invoice/schema"
)

// definition is a complex type before its automaton is made.
type definition struct {
	content *particle // nil when it has none
	attrs   []schema.Attribute
	text    schema.Ref
	base    schema.Ref
}

// complexType makes the type of an element with children or attributes.
func (c *compiler) complexType(e *element, name qname) (schema.Ref, error) {
	d, err := c.define(e)
	if err != nil {
		return schema.None, err
	}
	t := schema.Complex{Name: c.name(name), Base: d.base, Attrs: d.attrs, Text: d.text, Final: "1"}
	if d.content != nil {
		if err := automaton(e, d.content, &t); err != nil {
			return schema.None, err
		}
	}
	if name.local == "" {
		// Equal anonymous types share one entry, because no other type can extend them.
		key := fmt.Sprintf("complex %+v", t)
		if r, made := c.sharedV[key]; made {
			return r, nil
		}
		c.sharedV[key] = schema.ToComplex(len(c.table.Complex))
	}
	c.table.Complex = append(c.table.Complex, t)
	return schema.ToComplex(len(c.table.Complex) - 1), nil
}

// define reads the parts of a complex type. The parts of the type that it extends come first.
func (c *compiler) define(e *element) (definition, error) {
	d := definition{}
	if err := e.allow("name"); err != nil {
		return d, err
	}
	if len(e.children) == 1 {
		switch content := e.children[0]; content.name {
		case "simpleContent", "complexContent":
			if len(content.children) != 1 || content.children[0].name != "extension" || len(content.attrs) > 0 {
				return d, content.fail("only an extension is supported")
			}
			return c.extend(content.children[0], content.name == "simpleContent")
		}
	}
	err := c.parts(e.children, &d)
	return d, err
}

// extend reads an extension.
func (c *compiler) extend(e *element, ofText bool) (definition, error) {
	d := definition{}
	if err := e.allow("base"); err != nil {
		return d, err
	}
	name, err := e.qname(e.attrs["base"])
	if err != nil {
		return d, err
	}
	base, err := c.typeNamed(e, e.attrs["base"])
	if err != nil {
		return d, err
	}
	d.base = base
	if ofText {
		if base.IsComplex() {
			if d.text = c.table.ComplexOf(base).Text; d.text == schema.None {
				return d, e.fail("the base has no text")
			}
			d.attrs = append(d.attrs, c.table.ComplexOf(base).Attrs...)
		} else {
			d.text = base
		}
		return d, c.parts(e.children, &d)
	}
	if base.IsValue() || c.types[name] == nil {
		return d, e.fail("the base must be a complex type")
	}
	inherited, err := c.define(c.types[name])
	if err != nil {
		return d, err
	}
	if inherited.text != schema.None {
		return d, e.fail("the base has text")
	}
	d.attrs = inherited.attrs
	own := definition{}
	if err := c.parts(e.children, &own); err != nil {
		return d, err
	}
	d.attrs = append(d.attrs, own.attrs...)
	d.content = inherited.content
	if own.content != nil {
		if d.content == nil {
			d.content = own.content
		} else {
			d.content = &particle{kind: sequence, least: 1, most: 1, parts: []*particle{d.content, own.content}}
		}
	}
	return d, nil
}

// parts reads the content model, of which there is at most one, and the attributes.
func (c *compiler) parts(children []*element, d *definition) error {
	for _, e := range children {
		switch e.name {
		case "sequence", "choice", "all":
			if d.content != nil || d.text != schema.None {
				return e.fail("a second content model, or one beside text, is not supported")
			}
			p, err := c.particle(e)
			if err != nil {
				return err
			}
			d.content = p
		case "attribute":
			a, err := c.attribute(e)
			if err != nil {
				return err
			}
			d.attrs = append(d.attrs, a)
		default:
			return e.fail("is not supported")
		}
	}
	return nil
}

func (c *compiler) attribute(e *element) (schema.Attribute, error) {
	a := schema.Attribute{Name: e.attrs["name"], Fixed: e.attrs["fixed"], Required: e.attrs["use"] == "required"}
	if err := e.allow("name", "type", "use", "fixed"); err != nil {
		return a, err
	}
	if use := e.attrs["use"]; a.Name == "" || use != "" && use != "required" && use != "optional" {
		return a, e.fail("a name is needed, and use must be required or optional")
	}
	var err error
	if a.Type, err = c.typeOf(e); err != nil {
		return a, err
	}
	if !a.Type.IsValue() || a.Fixed != "" && c.table.ValueOf(a.Type).Kind != schema.Text {
		return a, e.fail("is not supported with this type")
	}
	return a, nil
}
