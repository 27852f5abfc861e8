package main

import (
	"maps"
	"slices"
	"strings"
)

// builtIn are the types of whole numbers in XML Schema, each with the type from which it is derived
// and with its bounds, if it has any.
var builtIn = map[string]struct{ parent, low, high string }{
	"xsd:integer":            {parent: "xsd:decimal"},
	"xsd:nonPositiveInteger": {parent: "xsd:integer", high: "0"},
	"xsd:negativeInteger":    {parent: "xsd:nonPositiveInteger", high: "-1"},
	"xsd:nonNegativeInteger": {parent: "xsd:integer", low: "0"},
	"xsd:positiveInteger":    {parent: "xsd:nonNegativeInteger", low: "1"},
	"xsd:long":               {parent: "xsd:integer", low: "-9223372036854775808", high: "9223372036854775807"},
	"xsd:int":                {parent: "xsd:long", low: "-2147483648", high: "2147483647"},
	"xsd:short":              {parent: "xsd:int", low: "-32768", high: "32767"},
	"xsd:byte":               {parent: "xsd:short", low: "-128", high: "127"},
	"xsd:unsignedLong":       {parent: "xsd:nonNegativeInteger", low: "0", high: "18446744073709551615"},
	"xsd:unsignedInt":        {parent: "xsd:unsignedLong", low: "0", high: "4294967295"},
	"xsd:unsignedShort":      {parent: "xsd:unsignedInt", low: "0", high: "65535"},
	"xsd:unsignedByte":       {parent: "xsd:unsignedShort", low: "0", high: "255"},
}

// primitive returns the facts of a type of XML Schema itself. All whole numbers have the base
// integer.
func primitive(name string) map[string]any {
	b, whole := builtIn[name]
	if !whole {
		return map[string]any{"base": strings.TrimPrefix(name, "xsd:")}
	}
	out := map[string]any{"base": "integer"}
	if b.low != "" {
		out["minInclusive"] = b.low
	}
	if b.high != "" {
		out["maxInclusive"] = b.high
	}
	return out
}

// parent returns the name of the type from which a type is derived, or "".
func (d *describer) parent(name string) string {
	t := d.types[name]
	if t == nil {
		return builtIn[name].parent
	}
	for _, c := range t.Children {
		switch c.XMLName.Local {
		case "restriction", "extension":
			return c.attr("base")
		case "complexContent", "simpleContent":
			for _, by := range c.Children {
				if base := by.attr("base"); base != "" {
					return base
				}
			}
		}
	}
	return ""
}

// derived describes the types that a document can name by xsi:type. These are the named types of
// elements, and the types that are derived from them.
func (d *describer) derived() {
	used := map[string]bool{}
	for _, e := range d.facts.Elements {
		for _, of := range e["children"].(map[string]string) {
			used[strings.TrimPrefix(of, "=")] = true
		}
	}
	names := slices.Concat(slices.Collect(maps.Keys(d.types)), slices.Collect(maps.Keys(builtIn)))
	for _, name := range names {
		for at := name; at != ""; at = d.parent(at) {
			if used[at] {
				d.named(name)
				d.facts.Named[name] = d.parent(name)
				break
			}
		}
	}
}
