package schematest

import (
	"strings"

	"ksefworker/internal/invoice/schema"
)

// fault changes a document at one node. It reports false when it does not apply there.
type fault struct {
	name  string
	apply func(whole, at *node) bool
}

// shapes are the faults of an element's place, tag and attributes. Some are odd rather than wrong;
// xmllint says which.
func shapes() []fault {
	edit := func(name string, f func(p *node, i int) bool) fault {
		return fault{name, func(whole, at *node) bool {
			p, i := whole.parent(at)
			return p != nil && f(p, i)
		}}
	}
	tag := func(name string, f func(n *node) bool) fault {
		return fault{name, func(_, at *node) bool { return f(at) }}
	}
	attrs := func(name, text string) fault {
		return tag(name, func(n *node) bool { n.attrs += text; return true })
	}
	return []fault{
		edit("dropped", func(p *node, i int) bool { p.children = append(p.children[:i:i], p.children[i+1:]...); return true }),
		edit("doubled", func(p *node, i int) bool { p.insert(i, p.children[i]); return true }),
		edit("five times", func(p *node, i int) bool {
			for range 4 {
				p.insert(i, p.children[i])
			}
			return true
		}),
		edit("swapped", func(p *node, i int) bool {
			if i+1 == len(p.children) {
				return false
			}
			p.children[i], p.children[i+1] = p.children[i+1], p.children[i]
			return true
		}),
		edit("moved to the end", func(p *node, i int) bool {
			if i+1 == len(p.children) {
				return false
			}
			n := p.children[i]
			p.children = append(append(p.children[:i:i], p.children[i+1:]...), n)
			return true
		}),
		edit("moved to the front", func(p *node, i int) bool {
			if i == 0 {
				return false
			}
			n := p.children[i]
			p.children = append([]*node{n}, append(p.children[:i:i], p.children[i+1:]...)...)
			return true
		}),
		edit("moved up", func(p *node, i int) bool { n := p.children[i]; p.children[i] = n.first(); return p.children[i] != n }),
		edit("an unknown element before", func(p *node, i int) bool { p.insert(i, &node{name: "Nieznany", text: "1"}); return true }),
		edit("text before", func(p *node, i int) bool { p.text += "abc"; return true }),
		edit("blank text before by reference", func(p *node, i int) bool { p.text += "&#32;&#9;"; return true }),
		edit("a no-break space before", func(p *node, i int) bool { p.text += "\u00a0"; return true }),
		edit("CDATA of blanks before", func(p *node, i int) bool { p.text += "<![CDATA[ \n]]>"; return true }),
		edit("empty CDATA before", func(p *node, i int) bool { p.text += "<![CDATA[]]>"; return true }),
		edit("CDATA of text before", func(p *node, i int) bool { p.text += "<![CDATA[x]]>"; return true }),
		edit("a comment before", func(p *node, i int) bool { p.text += "<!-- <P_2>1</P_2> -->"; return true }),
		edit("no siblings", func(p *node, i int) bool { p.children = p.children[i : i+1]; return true }),
		tag("renamed", func(n *node) bool { n.name += "x"; return true }),
		tag("in small letters", func(n *node) bool {
			small := strings.ToLower(n.name)
			changed := small != n.name
			n.name = small
			return changed
		}),
		tag("in another namespace", func(n *node) bool { n.attrs += ` xmlns="urn:x"`; return true }),
		tag("in no namespace", func(n *node) bool { n.attrs += ` xmlns=""`; return true }),
		tag("with a foreign prefix", func(n *node) bool { n.name = "x:" + n.name; n.attrs += ` xmlns:x="urn:x"`; return true }),
		tag("an element inside", func(n *node) bool { n.children = append(n.children, &node{name: "Nieznany"}); return true }),
		tag("nothing inside", func(n *node) bool { n.children, n.text = nil, ""; return true }),
		tag("only a comment inside", func(n *node) bool { n.children, n.text = nil, "<!---->"; return true }),
		tag("attributes dropped", func(n *node) bool { had := n.attrs != ""; n.attrs = ""; return had }),
		attrs("an attribute", ` atrybut="1"`),
		attrs("xml:lang", ` xml:lang="pl"`),
		attrs("a foreign attribute", ` xmlns:x="urn:x" x:a="1"`),
		attrs("an unused prefix", ` xmlns:x="urn:x"`),
		attrs("xsi:nil true", instance+` xsi:nil="true"`),
		attrs("xsi:schemaLocation", instance+` xsi:schemaLocation="urn:x x.xsd"`),
		attrs("xsi:noNamespaceSchemaLocation", instance+` xsi:noNamespaceSchemaLocation="x.xsd"`),
		attrs("xsi:unknown", instance+` xsi:unknown="1"`),
		attrs("xsi:type unknown", instance+` xsi:type="Nieznany"`),
		attrs("xsi:type without prefix declared", instance+` xsi:type="q:Nieznany"`),
		attrs("xsi:type string", instance+` xmlns:xs="http://www.w3.org/2001/XMLSchema" xsi:type="xs:string"`),
		attrs("xsi:type integer", instance+` xmlns:xs="http://www.w3.org/2001/XMLSchema" xsi:type=" xs:integer "`),
	}
}

const instance = ` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"`

func (n *node) insert(i int, child *node) {
	n.children = append(n.children[:i:i], append([]*node{child}, n.children[i:]...)...)
}

// first returns the first child of n, or n.
func (n *node) first() *node {
	if len(n.children) == 0 {
		return n
	}
	return n.children[0]
}

// retyped are the faults that name a type of the table by xsi:type.
func retyped(t *schema.Table) []fault {
	var out []fault
	add := func(n schema.Name) {
		if n.Local == "" {
			return
		}
		out = append(out, fault{"xsi:type " + n.Local, func(_, at *node) bool {
			at.attrs += instance + ` xmlns:t="` + t.Spaces[n.Space] + `" xsi:type="t:` + n.Local + `"`
			return true
		}})
	}
	for i := range t.Complex {
		add(t.Complex[i].Name)
	}
	for i := range t.Values {
		add(t.Values[i].Name)
	}
	return out
}
