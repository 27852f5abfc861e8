package compile_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ksefworker/internal/invoice/schema"
	"ksefworker/internal/invoice/schema/compile"
	"ksefworker/internal/invoice/schema/schematest"
)

func order(t testing.TB) *schema.Table {
	t.Helper()
	table, err := compile.Compile("testdata", compile.Source{File: "order.xsd", Root: "Order"})
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// The test compiles a schema of this project, so it does not need the official schemas. The
// validator that runs on the table must give the same verdicts as xmllint.
func TestCompile_SchemaOfEverythingSupported_XmllintAgrees(t *testing.T) {
	table := order(t)
	lint := schematest.NewXmllint(t, filepath.Join("testdata", "order.xsd"), "")
	if lint == nil {
		t.Skip("xmllint is not on PATH")
	}
	var names []string
	var docs [][]byte
	i := 0
	for d := range schematest.Documents(table, 0, 600) {
		if i++; i%4 == 0 {
			names, docs = append(names, d.Name), append(docs, d.Data())
		}
	}
	valid := 0
	for i, verdict := range lint.Check(t, docs) {
		faults, err := schematest.Faults(table, docs[i])
		if err != nil || verdict == schematest.Unread {
			t.Fatalf("document %s cannot be read: %v; xmllint: %v", names[i], err, verdict)
		}
		if (len(faults) == 0) != (verdict == schematest.Valid) {
			t.Errorf("%s: xmllint says valid: %v, and the machine finds the faults %v", names[i], verdict == schematest.Valid, faults)
		}
		if verdict == schematest.Valid {
			valid++
		}
	}
	if valid < len(docs)/10 || valid > len(docs)*9/10 {
		t.Errorf("%d of %d documents are valid: a useful test needs many of both kinds", valid, len(docs))
	}
}

func TestWrite_SameTable_SameBytesThatCompile(t *testing.T) {
	first, err := compile.Write(order(t), "order", "order is a test.")
	if err != nil {
		t.Fatal(err)
	}
	second, err := compile.Write(order(t), "order", "order is a test.")
	if err != nil || string(first) != string(second) {
		t.Errorf("two runs write different tables: %v", err)
	}
}

// The table in the repository must be the table that package compile makes of the official schemas.
func TestForms_OfficialSchemas_GiveTheTableInTheRepository(t *testing.T) {
	dir := os.Getenv("KSEF_SCHEMA_DIR")
	if dir == "" {
		t.Skip("KSEF_SCHEMA_DIR is not set: this project may not distribute the Ministry's schemas")
	}
	want, err := compile.Forms(dir)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join("..", "tables.go"))
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Error("tables.go is not what the schemas give: run go generate ./internal/invoice/schema")
	}
}

func TestCompile_UnsupportedSchema_ErrorNamesWhatIsNotSupported(t *testing.T) {
	const head = `<xsd:schema xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:t" targetNamespace="urn:t" elementFormDefault="qualified">`
	element := func(content string) string {
		return head + `<xsd:element name="A"><xsd:complexType>` + content + `</xsd:complexType></xsd:element></xsd:schema>`
	}
	simple := func(facets string) string {
		return head + `<xsd:element name="A"><xsd:simpleType>` + facets + `</xsd:simpleType></xsd:element></xsd:schema>`
	}
	for _, c := range []struct{ why, schema, says string }{
		{"not XML", "<a", "read schema a.xsd"},
		{"another document", "<html/>", "not of XML Schema"},
		{"no namespace", strings.Replace(element(""), ` targetNamespace="urn:t"`, "", 1), "targetNamespace"},
		{"local elements without namespace", strings.Replace(element(""), `"qualified"`, `"unqualified"`, 1), "elementFormDefault"},
		{"no root", head + `</xsd:schema>`, "no global element A"},
		{"a wildcard", element(`<xsd:sequence><xsd:any/></xsd:sequence>`), "xsd:any: is not supported"},
		{"a reference", element(`<xsd:sequence><xsd:element ref="t:A"/></xsd:sequence>`), "attribute ref is not supported"},
		{"mixed content", head + `<xsd:element name="A"><xsd:complexType mixed="true"/></xsd:element></xsd:schema>`, "attribute mixed"},
		{"a nillable element", head + `<xsd:element name="A" type="xsd:string" nillable="true"/></xsd:schema>`, "attribute nillable"},
		{"a default", head + `<xsd:element name="A" type="xsd:string" default="1"/></xsd:schema>`, "attribute default"},
		{"a group", head + `<xsd:group name="G"/><xsd:element name="A" type="xsd:string"/></xsd:schema>`, "xsd:group: is not supported"},
		{"a key", head + `<xsd:element name="A"><xsd:complexType/><xsd:key name="k"/></xsd:element></xsd:schema>`, "one type is needed"},
		{"a list", simple(`<xsd:list itemType="xsd:string"/>`), "xsd:list: is not supported"},
		{"an unknown builtin", head + `<xsd:element name="A" type="xsd:anyURI"/></xsd:schema>`, "xsd:anyURI is not supported"},
		{"an unknown type", head + `<xsd:element name="A" type="t:B"/></xsd:schema>`, "there is no type B"},
		{"an undeclared prefix", head + `<xsd:element name="A" type="q:B"/></xsd:schema>`, "prefix q is not declared"},
		{"a type inside itself", head + `<xsd:element name="A" type="t:T"/><xsd:complexType name="T"><xsd:sequence>` +
			`<xsd:element name="B" type="t:T"/></xsd:sequence></xsd:complexType></xsd:schema>`, "contains itself"},
		{"a pattern with an unknown escape",
			simple(`<xsd:restriction base="xsd:string"><xsd:pattern value="\i\c*"/></xsd:restriction>`), `the escape \i`},
		{"an open bracket", simple(`<xsd:restriction base="xsd:string"><xsd:pattern value="[a"/></xsd:restriction>`), "not closed"},
		{"a limit of digits for a text", simple(`<xsd:restriction base="xsd:string"><xsd:totalDigits value="2"/></xsd:restriction>`),
			"xsd:totalDigits"},
		{"a bound that is not a number",
			simple(`<xsd:restriction base="xsd:decimal"><xsd:minInclusive value="x"/></xsd:restriction>`), "not a bound"},
		{"a list of allowed dates",
			simple(`<xsd:restriction base="xsd:date"><xsd:enumeration value="2026-01-01"/></xsd:restriction>`), "xsd:enumeration"},
		{"a token that preserves white space",
			simple(`<xsd:restriction base="xsd:token"><xsd:whiteSpace value="preserve"/></xsd:restriction>`),
			"not possible"},
		{"one name with two types",
			element(`<xsd:sequence><xsd:element name="B" type="xsd:string"/><xsd:element name="C" type="xsd:string"/>` +
				`<xsd:element name="B" type="xsd:int"/></xsd:sequence>`), "another B"},
		{"an ambiguous place", element(`<xsd:sequence><xsd:element name="B" type="xsd:string" maxOccurs="3"/>` +
			`<xsd:element name="B" type="xsd:string" minOccurs="0"/></xsd:sequence>`), "the place of B is ambiguous"},
		{"a limit inside a repetition",
			element(`<xsd:sequence maxOccurs="unbounded"><xsd:element name="B" type="xsd:string" maxOccurs="3"/>` +
				`</xsd:sequence>`), "limit of its own"},
		{"a missing import", head + `<xsd:import namespace="urn:u" schemaLocation="http://example.com/u.xsd"/></xsd:schema>`,
			"open schema u.xsd"},
	} {
		t.Run(c.why, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "a.xsd"), []byte(c.schema), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := compile.Compile(dir, compile.Source{File: "a.xsd", Root: "A"})
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("Compile = %v, want it to say %q", err, c.says)
			}
		})
	}
}
