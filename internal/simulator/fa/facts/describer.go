package main

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// facts is the content of one JSON file.
type facts struct {
	Types    map[string]map[string]any `json:"types"`    // of texts
	Elements map[string]map[string]any `json:"elements"` // by type, or by path for a type without name
	Named    map[string]string         `json:"named"`    // the parents of the types that xsi:type can name
}

// describer collects the facts of one schema.
type describer struct {
	types map[string]*tag // global types by prefix and name
	facts facts
}

// describe returns the facts of one form.
func describe(dir, file string) ([]byte, error) {
	d := &describer{types: map[string]*tag{}, facts: facts{map[string]map[string]any{}, map[string]map[string]any{}, map[string]string{}}}
	imported, err := filepath.Glob(filepath.Join(dir, "bazowe", "*.xsd"))
	if err != nil {
		return nil, err
	}
	var root *tag
	for i, name := range append(imported, filepath.Join(dir, file)) {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		var s tag
		if err := xml.Unmarshal(text, &s); err != nil {
			return nil, err
		}
		prefix := "tns:"
		if i < len(imported) {
			prefix = "etd:"
		}
		for j, t := range s.Children {
			switch t.XMLName.Local {
			case "simpleType", "complexType":
				d.types[prefix+t.attr("name")] = &s.Children[j]
			case "element":
				root = &s.Children[j]
			}
		}
	}
	if root == nil {
		return nil, fmt.Errorf("no element")
	}
	d.element("Faktura", root.Children)
	d.derived()
	return json.MarshalIndent(d.facts, "", "\t")
}

// typeOf describes the type of an element and returns its name in the facts. For a text this is "="
// and the name of the text's type. Otherwise it is the name of the element's content.
func (d *describer) typeOf(path string, e *tag) string {
	if name := e.attr("type"); name != "" {
		return d.named(name)
	}
	for i, c := range e.Children {
		switch c.XMLName.Local {
		case "simpleType":
			d.text(path, &e.Children[i])
			return "=" + path
		case "complexType":
			d.element(path, e.Children[i:i+1])
			return path
		}
	}
	panic("no type at " + path)
}

func (d *describer) named(name string) string {
	t := d.types[name]
	switch {
	case t == nil: // a type of XML Schema itself
		d.facts.Types[name] = primitive(name)
		return "=" + name
	case t.XMLName.Local == "simpleType":
		if d.facts.Types[name] == nil {
			d.text(name, t)
		}
		return "=" + name
	}
	if d.facts.Elements[name] == nil {
		d.facts.Elements[name] = map[string]any{}
		d.element(name, []tag{*t})
	}
	return name
}

// text describes a type of texts with the facets of all types that it restricts.
func (d *describer) text(name string, t *tag) {
	out := map[string]any{}
	d.facts.Types[name] = out
	for _, by := range t.Children {
		switch by.XMLName.Local {
		case "union":
			var members []string
			for i := range by.Children {
				member := fmt.Sprintf("%s|%d", name, i+1)
				d.text(member, &by.Children[i])
				members = append(members, member)
			}
			out["members"] = members
		case "restriction":
			base := strings.TrimPrefix(d.named(by.attr("base")), "=")
			maps.Copy(out, d.facts.Types[base])
			var enum, patterns []string
			for _, f := range by.Children {
				switch f.XMLName.Local {
				case "enumeration":
					enum = append(enum, f.attr("value"))
				case "pattern":
					patterns = append(patterns, f.attr("value"))
				case "annotation":
				default:
					out[f.XMLName.Local] = f.attr("value")
				}
			}
			if enum != nil {
				out["enumeration"] = enum
			}
			if patterns != nil {
				inherited, _ := out["patterns"].([]string)
				out["patterns"] = append(slices.Clone(inherited), strings.Join(patterns, "|"))
			}
		}
	}
}

// element describes the content of a complex type as a regular expression over names.
func (d *describer) element(name string, types []tag) {
	out := map[string]any{}
	d.facts.Elements[name] = out
	children := map[string]string{}
	attrs := map[string]map[string]any{}
	var content []string
	var visit func(t *tag)
	visit = func(t *tag) {
		for i := range t.Children {
			c := &t.Children[i]
			switch c.XMLName.Local {
			case "complexType", "complexContent", "simpleContent":
				visit(c)
			case "extension":
				base := d.named(c.attr("base"))
				if text, isText := strings.CutPrefix(base, "="); isText {
					out["text"] = text
				} else {
					inherited := d.facts.Elements[base]
					content = append(content, inherited["content"].(string))
					maps.Copy(children, inherited["children"].(map[string]string))
				}
				visit(c)
			case "sequence", "choice":
				content = append(content, d.model(name, c, children))
			case "attribute":
				a := map[string]any{"required": c.attr("use") == "required"}
				if fixed := c.attr("fixed"); fixed != "" {
					a["fixed"] = fixed
				} else {
					a["type"] = strings.TrimPrefix(d.typeOf(name+"@"+c.attr("name"), c), "=")
				}
				attrs[c.attr("name")] = a
			}
		}
	}
	visit(&tag{Children: types})
	out["content"], out["children"] = strings.Join(content, " "), children
	if len(attrs) > 0 {
		out["attributes"] = attrs
	}
}

// model writes a part of a content model and collects the types of its elements.
func (d *describer) model(path string, t *tag, children map[string]string) string {
	var text string
	switch t.XMLName.Local {
	case "element":
		text = t.attr("name")
		children[text] = d.typeOf(path+"/"+text, t)
		if fixed := t.attr("fixed"); fixed != "" {
			d.facts.Elements[path]["fixed "+text] = fixed
		}
	case "sequence", "choice":
		var parts []string
		for i := range t.Children {
			if t.Children[i].XMLName.Local != "annotation" {
				parts = append(parts, d.model(path, &t.Children[i], children))
			}
		}
		text = "(" + strings.Join(parts, map[string]string{"sequence": " ", "choice": " | "}[t.XMLName.Local]) + ")"
	default:
		panic("no model for " + t.XMLName.Local)
	}
	least, most := "1", "1"
	if n := t.attr("minOccurs"); n != "" {
		least = n
	}
	if n := t.attr("maxOccurs"); n != "" {
		most = n
	}
	switch {
	case least == "0" && most == "1":
		return text + "?"
	case least == "1" && most == "1":
		return text
	case most == "unbounded":
		most = ""
	}
	return text + "{" + least + "," + most + "}"
}
