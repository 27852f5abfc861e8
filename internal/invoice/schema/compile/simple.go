package compile

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"ksefworker/internal/invoice/schema"
)

// builtinType is a type of XML Schema itself.
type builtinType struct {
	base      string
	kind      schema.Kind
	space     schema.Space
	low, high string
}

// builtins are the types that are supported (XML Schema Part 2, section 3).
var builtins = map[string]builtinType{
	"string":             {kind: schema.Text, space: schema.Preserve},
	"normalizedString":   {base: "string", kind: schema.Text, space: schema.Replace},
	"token":              {base: "normalizedString", kind: schema.Text, space: schema.Collapse},
	"decimal":            {kind: schema.Decimal, space: schema.Collapse},
	"integer":            {base: "decimal", kind: schema.Integer, space: schema.Collapse},
	"nonPositiveInteger": {base: "integer", kind: schema.Integer, space: schema.Collapse, high: "0"},
	"negativeInteger":    {base: "nonPositiveInteger", kind: schema.Integer, space: schema.Collapse, high: "-1"},
	"long": {base: "integer", kind: schema.Integer, space: schema.Collapse,
		low: "-9223372036854775808", high: "9223372036854775807"},
	"int":                {base: "long", kind: schema.Integer, space: schema.Collapse, low: "-2147483648", high: "2147483647"},
	"short":              {base: "int", kind: schema.Integer, space: schema.Collapse, low: "-32768", high: "32767"},
	"byte":               {base: "short", kind: schema.Integer, space: schema.Collapse, low: "-128", high: "127"},
	"nonNegativeInteger": {base: "integer", kind: schema.Integer, space: schema.Collapse, low: "0"},
	"unsignedLong": {base: "nonNegativeInteger", kind: schema.Integer, space: schema.Collapse,
		low: "0", high: "18446744073709551615"},
	"unsignedInt":     {base: "unsignedLong", kind: schema.Integer, space: schema.Collapse, low: "0", high: "4294967295"},
	"unsignedShort":   {base: "unsignedInt", kind: schema.Integer, space: schema.Collapse, low: "0", high: "65535"},
	"unsignedByte":    {base: "unsignedShort", kind: schema.Integer, space: schema.Collapse, low: "0", high: "255"},
	"positiveInteger": {base: "nonNegativeInteger", kind: schema.Integer, space: schema.Collapse, low: "1"},
	"date":            {kind: schema.Date, space: schema.Collapse},
	"dateTime":        {kind: schema.DateTime, space: schema.Collapse},
}

func builtinNames() []string { return slices.Sorted(maps.Keys(builtins)) }

// builtin returns a type of XML Schema itself.
func (c *compiler) builtin(at *element, local string) (schema.Ref, error) {
	name := qname{xsdSpace, local}
	if r, made := c.done[name]; made {
		return r, nil
	}
	b, known := builtins[local]
	if !known {
		return schema.None, at.fail("the type xsd:%s is not supported", local)
	}
	v := schema.Value{Name: c.name(name), Kind: b.kind, Space: b.space}
	if b.base != "" {
		base, err := c.builtin(at, b.base)
		if err != nil {
			return schema.None, err
		}
		v.Base = base
	}
	for _, bound := range []struct {
		text string
		to   **schema.Bound
	}{{b.low, &v.Low}, {b.high, &v.High}} {
		if bound.text != "" {
			n, _ := schema.NumberOf(bound.text)
			*bound.to = &schema.Bound{Text: bound.text, Number: n}
		}
	}
	if strings.HasPrefix(local, "unsigned") {
		i, err := c.pattern(at, []string{"[0-9]+"}) // XML Schema 1.0 allows no sign in these types
		if err != nil {
			return schema.None, err
		}
		v.Patterns = []uint8{i}
	}
	r := c.add(v)
	c.done[name] = r
	return r, nil
}

func (c *compiler) add(v schema.Value) schema.Ref {
	c.table.Values = append(c.table.Values, v)
	return schema.ToValue(len(c.table.Values) - 1)
}

// simple makes the type of a text. name is zero for an anonymous type. Equal anonymous types are
// made once.
func (c *compiler) simple(e *element, name qname) (schema.Ref, error) {
	if err := e.allow("name"); err != nil {
		return schema.None, err
	}
	if len(e.children) != 1 {
		return schema.None, e.fail("one restriction or union is needed")
	}
	var v schema.Value
	var err error
	switch by := e.children[0]; by.name {
	case "restriction":
		v, err = c.restriction(by)
	case "union":
		v, err = c.union(by)
	default:
		err = by.fail("is not supported")
	}
	if err != nil {
		return schema.None, err
	}
	v.Name = c.name(name)
	if name.local != "" {
		return c.add(v), nil
	}
	key := fmt.Sprintf("%+v", v)
	for _, b := range []*schema.Bound{v.Low, v.High} {
		if b != nil {
			key += fmt.Sprintf(" %+v", *b)
		}
	}
	key = pointers.ReplaceAllString(key, "")
	if r, made := c.sharedV[key]; made {
		return r, nil
	}
	r := c.add(v)
	c.sharedV[key] = r
	return r, nil
}

func (c *compiler) union(e *element) (schema.Value, error) {
	v := schema.Value{Kind: schema.Union}
	if err := e.allow(); err != nil {
		return v, err
	}
	for _, member := range e.children {
		if member.name != "simpleType" {
			return v, member.fail("is not supported in a union")
		}
		r, err := c.simple(member, qname{})
		if err != nil {
			return v, err
		}
		v.Members = append(v.Members, r)
	}
	if len(v.Members) == 0 {
		return v, e.fail("members are needed")
	}
	return v, nil
}
