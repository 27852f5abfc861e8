package schematest

import (
	"strings"

	"ksefworker/internal/invoice/schema"
)

// fault changes a document at one node. If the fault cannot be made at that node, the document
// stays as it is.
type fault struct {
	name  string
	apply func(whole, at *node)
}

// shapes returns the faults of an element's place, tag and attributes. Some are odd rather than
// wrong; xmllint says which.
func shapes() []fault {
	edit := func(name string, f func(p *node, i int)) fault {
		return fault{name, func(whole, at *node) {
			if p, i := whole.parent(at); p != nil {
				f(p, i)
			}
		}}
	}
	before := func(name, text string) fault {
		return edit(name+" before", func(p *node, i int) { p.text += text })
	}
	tag := func(name string, f func(n *node)) fault {
		return fault{name, func(_, at *node) { f(at) }}
	}
	attrs := func(name, text string) fault {
		return tag(name, func(n *node) { n.attrs += text })
	}
	return []fault{
		edit("dropped", func(p *node, i int) { p.remove(i) }),
		edit("doubled", func(p *node, i int) { p.insert(i, p.children[i]) }),
		edit("five times", func(p *node, i int) {
			for range 4 {
				p.insert(i, p.children[i])
			}
		}),
		edit("swapped", func(p *node, i int) { p.insert(i, p.remove(min(i+1, len(p.children)-1))) }),
		edit("moved to the end", func(p *node, i int) { n := p.remove(i); p.insert(len(p.children), n) }),
		edit("moved to the front", func(p *node, i int) { p.insert(0, p.remove(i)) }),
		edit("replaced by its first child", func(p *node, i int) { p.children[i] = p.children[i].first() }),
		edit("an unknown element before", func(p *node, i int) { p.insert(i, &node{name: "Nieznany", text: "1"}) }),
		edit("no siblings", func(p *node, i int) { p.children = p.children[i : i+1] }),
		before("text", "abc"),
		before("blanks by reference", "&#32;&#9;"),
		before("a no-break space", "\u00a0"),
		before("CDATA of blanks", "<![CDATA[ \n]]>"),
		before("empty CDATA", "<![CDATA[]]>"),
		before("CDATA of text", "<![CDATA[x]]>"),
		before("a comment", "<!-- <P_2>1</P_2> -->"),
		tag("renamed", func(n *node) { n.name += "x" }),
		tag("in small letters", func(n *node) { n.name = strings.ToLower(n.name) }),
		tag("in another namespace", func(n *node) { n.attrs += ` xmlns="urn:x"` }),
		tag("in no namespace", func(n *node) { n.attrs += ` xmlns=""` }),
		tag("with a foreign prefix", func(n *node) { n.name = "x:" + n.name; n.attrs += ` xmlns:x="urn:x"` }),
		tag("an element inside", func(n *node) { n.children = append(n.children, &node{name: "Nieznany"}) }),
		tag("nothing inside", func(n *node) { n.children, n.text = nil, "" }),
		tag("only a comment inside", func(n *node) { n.children, n.text = nil, "<!---->" }),
		tag("attributes dropped", func(n *node) { n.attrs = "" }),
		tag("attributes with blanks", func(n *node) { n.attrs = strings.ReplaceAll(n.attrs, `="`, `=" `) }),
		tag("attributes with line ends", func(n *node) { n.attrs = strings.ReplaceAll(n.attrs, ` (`, "\n(") }),
		tag("attributes with line ends by reference", func(n *node) { n.attrs = strings.ReplaceAll(n.attrs, ` (`, "&#10;(") }),
		tag("attributes with references", func(n *node) { n.attrs = strings.ReplaceAll(n.attrs, `="`, `="&#x46;`) }),
		attrs("an attribute", ` atrybut="1"`),
		attrs("xml:lang", ` xml:lang="pl"`),
		attrs("a foreign attribute", ` xmlns:x="urn:x" x:a="1"`),
		attrs("an unused prefix", ` xmlns:x="urn:x"`),
		attrs("xsi:nil true", instance+` xsi:nil="true"`),
		attrs("xsi:schemaLocation", instance+` xsi:schemaLocation="urn:x x.xsd"`),
		attrs("xsi:noNamespaceSchemaLocation", instance+` xsi:noNamespaceSchemaLocation="x.xsd"`),
		attrs("xsi:SCHEMALOCATION", instance+` xsi:SCHEMALOCATION="urn:x x.xsd"`),
		attrs("xsi:nil false", instance+` xsi:nil="false"`),
		attrs("xsi:unknown", instance+` xsi:unknown="1"`),
		attrs("xsi:type unknown", instance+` xsi:type="Nieznany"`),
		attrs("xsi:type without prefix declared", instance+` xsi:type="q:Nieznany"`),
		attrs("xsi:type with a colon in front", instance+` xsi:type=":TNaglowek"`),
		attrs("xsi:type string", instance+` xmlns:xs="http://www.w3.org/2001/XMLSchema" xsi:type="xs:string"`),
		attrs("xsi:type integer", instance+` xmlns:xs="http://www.w3.org/2001/XMLSchema" xsi:type="xs:integer"`),
		attrs("xsi:type with blanks", instance+` xmlns:xs="http://www.w3.org/2001/XMLSchema" xsi:type=" xs:integer "`),
	}
}

const instance = ` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"`

// remove takes a child out and returns it.
func (n *node) remove(i int) *node {
	child := n.children[i]
	n.children = append(n.children[:i:i], n.children[i+1:]...)
	return child
}

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

// retyped returns the faults that name a type of the table by xsi:type.
func retyped(t *schema.Table) []fault {
	var out []fault
	add := func(n schema.Name) {
		if n.Local == "" {
			return
		}
		out = append(out, fault{"xsi:type " + n.Local, func(_, at *node) {
			at.attrs += instance + ` xmlns:t="` + t.Spaces[n.Space] + `" xsi:type="t:` + n.Local + `"`
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
