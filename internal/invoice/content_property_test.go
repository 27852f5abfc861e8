package invoice_test

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"ksefworker/internal/invoice"
	"ksefworker/internal/sample"
)

// tree is an element as encoding/xml reads it. Its children are *tree and string.
type tree struct {
	name     xml.Name
	attrs    []xml.Attr
	children []any
}

// readTree is an independent reader for the tests; it does not use the scanner.
func readTree(doc []byte) (*tree, error) {
	d, open := xml.NewDecoder(bytes.NewReader(doc)), []*tree{{}}
	for {
		t, err := d.Token()
		if err == io.EOF {
			return open[0].children[0].(*tree), nil
		}
		if err != nil {
			return nil, err
		}
		top := open[len(open)-1]
		switch t := t.(type) {
		case xml.StartElement:
			e := &tree{name: t.Name}
			for _, a := range t.Attr {
				if a.Name.Space != "xmlns" && a.Name != (xml.Name{Local: "xmlns"}) {
					e.attrs = append(e.attrs, a)
				}
			}
			top.children, open = append(top.children, e), append(open, e)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) == 1 {
				break // white space outside the root
			}
			if n := len(top.children); n > 0 {
				if before, ok := top.children[n-1].(string); ok { // a comment stood between the two texts
					top.children[n-1] = before + string(t)
					break
				}
			}
			top.children = append(top.children, string(t))
		}
	}
}

// describe returns the content of a tree as text, computed in the simplest way.
func (e *tree) describe(path string) string {
	var b strings.Builder
	attrs := slices.Clone(e.attrs)
	slices.SortFunc(attrs, func(a, b xml.Attr) int {
		return strings.Compare(a.Name.Space+" "+a.Name.Local, b.Name.Space+" "+b.Name.Local)
	})
	fmt.Fprintf(&b, "(%q", e.name)
	for _, a := range attrs {
		fmt.Fprintf(&b, " %q=%q", a.Name, a.Value)
	}
	path += "/" + e.name.Space + " " + e.name.Local
	text := ""
	flush := func() {
		if words := strings.FieldsFunc(text, isXMLSpace); len(words) > 0 {
			fmt.Fprintf(&b, " %q", strings.Join(words, " "))
		}
		text = ""
	}
	for _, h := range e.children {
		child, ok := h.(*tree)
		if !ok {
			text += h.(string)
			continue
		}
		space := e.name.Space
		header := path == "/"+space+" Faktura/"+space+" Naglowek" && child.name.Space == space
		if header && (child.name.Local == "DataWytworzeniaFa" || child.name.Local == "SystemInfo") {
			continue
		}
		flush()
		b.WriteString(child.describe(path))
	}
	flush()
	return b.String() + ")"
}

// treeWriter writes a tree in one of the many possible notations, chosen at random.
type treeWriter struct {
	bytes.Buffer
	random *rand.Rand
	prefix string
	indent bool
}

func (w *treeWriter) document(root *tree) []byte {
	if w.random.IntN(2) == 0 {
		w.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n")
	}
	w.prefix, w.indent = []string{"", "tns:", "ż:"}[w.random.IntN(3)], w.random.IntN(2) == 0
	w.element(root, 0)
	doc := w.Bytes()
	if w.random.IntN(3) == 0 {
		doc = bytes.ReplaceAll(doc, []byte("\n"), []byte("\r\n"))
	}
	return doc
}

func (w *treeWriter) element(e *tree, depth int) {
	w.comment()
	name := w.prefix + e.name.Local
	w.WriteString("<" + name)
	if depth == 0 {
		declared := "xmlns"
		if w.prefix != "" {
			declared += ":" + strings.TrimSuffix(w.prefix, ":")
		}
		fmt.Fprintf(w, " %s=%q", declared, e.name.Space)
	}
	for _, i := range w.random.Perm(len(e.attrs)) {
		quote := []string{`"`, `'`}[w.random.IntN(2)]
		w.WriteString([]string{" ", "\n\t "}[w.random.IntN(2)] + e.attrs[i].Name.Local + "=" + quote)
		for _, r := range e.attrs[i].Value {
			w.char(r, "<&\"'\t\n\r")
		}
		w.WriteString(quote)
	}
	if len(e.children) == 0 && w.random.IntN(2) == 0 {
		w.WriteString("/>")
		return
	}
	w.WriteString(">")
	elements := false
	for _, h := range e.children {
		if child, ok := h.(*tree); ok {
			elements = true
			if w.indent {
				w.WriteString("\n" + strings.Repeat("\t", depth+1))
			}
			w.element(child, depth+1)
			continue
		}
		w.value(h.(string))
	}
	if elements && w.indent {
		w.WriteString("\n" + strings.Repeat(" ", depth))
	}
	w.WriteString("</" + name + ">")
}

func (w *treeWriter) value(text string) {
	words := strings.FieldsFunc(text, isXMLSpace)
	gap := func() { w.WriteString([]string{" ", "\n ", "\t", "&#32;", "<![CDATA[ \n]]>", "\r"}[w.random.IntN(6)]) }
	if w.random.IntN(4) == 0 {
		gap()
	}
	for i, word := range words {
		if i > 0 {
			gap()
		}
		for word != "" {
			w.comment()
			cut := 1 + w.random.IntN(len(word))
			for cut < len(word) && word[cut]&0xC0 == 0x80 {
				cut++
			}
			if w.random.IntN(8) == 0 && !strings.Contains(word[:cut], "]]>") {
				w.WriteString("<![CDATA[" + word[:cut] + "]]>")
			} else {
				for _, r := range word[:cut] {
					w.char(r, "<&>")
				}
			}
			word = word[cut:]
		}
	}
	if w.random.IntN(4) == 0 {
		gap()
	}
}

func (w *treeWriter) char(r rune, special string) {
	switch n := w.random.IntN(30); {
	case n == 0:
		fmt.Fprintf(w, "&#%d;", r)
	case n == 1 || strings.ContainsRune(special, r):
		fmt.Fprintf(w, "&#x%X;", r)
	default:
		w.WriteRune(r)
	}
}

func (w *treeWriter) comment() {
	if w.random.IntN(12) == 0 {
		w.WriteString("<!-- <P_2>another</P_2> -->")
	}
}

// all lists the elements of a tree that count for the digest, the root first.
func (e *tree) all() []*tree {
	out := []*tree{e}
	for _, h := range e.children {
		if child, ok := h.(*tree); ok && child.name.Local != "DataWytworzeniaFa" && child.name.Local != "SystemInfo" {
			out = append(out, child.all()...)
		}
	}
	return out
}

func someInvoice(t *rapid.T) *tree {
	root, err := readTree(sample.Invoice(sample.Options{
		Kind: rapid.SampledFrom([]string{"VAT", "KOR", "ZAL", "ROZ"}).Draw(t, "kind"), Lines: rapid.IntRange(1, 4).Draw(t, "lines"),
		Attachment: rapid.Bool().Draw(t, "attachment"), Seed: rapid.Uint64().Draw(t, "seed"),
		Number: rapid.StringMatching(`[A-Z0-9<&>"' /żĄ]{1,20}[A-Z]`).Draw(t, "number"),
	}))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func inRandomNotation(t *rapid.T, root *tree) []byte {
	w := treeWriter{random: rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "notation"), 0))}
	return w.document(root)
}

func TestContentOf_AnyNotation_GivesTheSameDigest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		root := someInvoice(t)
		one := inRandomNotation(t, root)
		for _, e := range root.children {
			header, ok := e.(*tree)
			if !ok || header.name.Local != "Naglowek" {
				continue
			}
			for _, h := range header.children {
				if e, ok := h.(*tree); ok && (e.name.Local == "DataWytworzeniaFa" || e.name.Local == "SystemInfo") {
					e.children = []any{rapid.StringMatching(`[0-9A-Z: ]{0,20}`).Draw(t, e.name.Local)}
				}
			}
		}
		requireSame(t, one, inRandomNotation(t, root), true)
	})
}

func TestContentOf_AnySingleChange_ChangesTheDigest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		root := someInvoice(t)
		before, described := inRandomNotation(t, root), root.describe("")
		all := root.all()
		e := all[rapid.IntRange(0, len(all)-1).Draw(t, "element")]
		at := rapid.IntRange(0, len(e.children)).Draw(t, "at")
		switch rapid.SampledFrom([]string{"text", "attribute", "name", "more", "less", "order"}).Draw(t, "change") {
		case "text":
			e.children = slices.Insert(e.children, at, any(rapid.StringMatching(`[0-9a-zż<&]`).Draw(t, "text")))
		case "attribute":
			value := rapid.StringMatching(`[a-z <&"]{0,5}`).Draw(t, "value")
			e.attrs = append(e.attrs, xml.Attr{Name: xml.Name{Local: "x"}, Value: value})
		case "name":
			e.name.Local += "x"
		case "more":
			e.children = slices.Insert(e.children, at, any(&tree{name: xml.Name{Space: e.name.Space, Local: "P_99"}}))
		case "less":
			e.children = slices.Delete(e.children, min(at, max(0, len(e.children)-1)), min(at+1, len(e.children)))
		case "order":
			slices.Reverse(e.children)
		}
		requireSame(t, before, inRandomNotation(t, root), described == root.describe(""))
	})
}

// requireSame compares two documents by their digests and by their first difference. same says
// whether both are the same invoice. If one of the comparisons says otherwise, the test fails.
func requireSame(t interface{ Fatalf(string, ...any) }, a, b []byte, same bool) {
	x, err := invoice.ContentOf(a)
	y, err2 := invoice.ContentOf(b)
	if err != nil || err2 != nil {
		t.Fatalf("ContentOf gives the errors %v and %v, want none, for\n%s\nand\n%s", err, err2, a, b)
	}
	path, err := invoice.FirstDifference(a, b)
	if err != nil || (x.Digest == y.Digest) != same || (path == "") != same {
		t.Fatalf("same %v, first difference %q, %v, want same %v:\n%s\n%s", x.Digest == y.Digest, path, err, same, a, b)
	}
}

// Two documents have the same digest if and only if an independent reader reads the same content
// from both.
func FuzzContentOf(f *testing.F) {
	f.Add([]byte(exported("2026-11-25T08:00:00Z")), []byte(exported("2026-11-25T09:30:00Z")))
	f.Add([]byte(small), []byte(strings.ReplaceAll(small, "FV/1", "F&#86;/<![CDATA[1]]>")))
	f.Add([]byte(`<a xmlns="b"><c d='1'/></a>`), []byte(`<e:a xmlns:e="b"><e:c d="&#49;"></e:c></e:a>`))
	f.Add([]byte(`<a><b>1</b>2</a>`), []byte(`<a>1<b>2</b></a>`))
	f.Fuzz(func(t *testing.T, a, b []byte) { agreesWithReader(t, a, b) })
}

func TestContentOf_RandomChanges_AgreesWithAnIndependentReader(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for _, doc := range []string{exported("2026-11-25T08:00:00Z"), small} {
		for range 10_000 {
			agreesWithReader(t, []byte(doc), mutate(random, []byte(doc)))
		}
	}
}

func agreesWithReader(t *testing.T, a, b []byte) {
	t.Helper()
	_, errA := invoice.ContentOf(a)
	_, errB := invoice.ContentOf(b)
	if errA != nil || errB != nil {
		return
	}
	x, errA := readTree(a)
	y, errB := readTree(b)
	if errA != nil || errB != nil {
		t.Fatalf("encoding/xml refuses a document that has a digest: %v, %v", errA, errB)
	}
	for _, e := range append(x.everything(), y.everything()...) {
		for _, a := range e.attrs {
			if strings.ContainsFunc(a.Value, func(r rune) bool { return isXMLSpace(r) && r != ' ' }) {
				return // encoding/xml does not normalise attributes
			}
		}
	}
	requireSame(t, a, b, x.describe("") == y.describe(""))
}

func (e *tree) everything() []*tree {
	out := []*tree{e}
	for _, h := range e.children {
		if child, ok := h.(*tree); ok {
			out = append(out, child.everything()...)
		}
	}
	return out
}
