package sample_test

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"ksefworker/internal/invoice/xsd"
	"ksefworker/internal/sample"
)

// valid returns invoices that the Ministry's schema must accept, by file name.
func valid() map[string][]byte {
	docs := map[string][]byte{
		"attachment.xml": sample.Invoice(sample.Options{Attachment: true}),
		"padded.xml":     sample.Invoice(sample.Options{PadTo: 1_000_000}),
		"largest.xml":    sample.Invoice(sample.Options{PadTo: 3_000_000, Attachment: true}),
		"old.xml":        sample.Invoice(sample.Options{IssueDate: "2024-02-29"}),
		"future.xml":     sample.Bad(sample.FutureDate, sample.Options{}),
		"lines.xml":      sample.Invoice(sample.Options{Lines: 500}),
		"references.xml": sample.Invoice(sample.Options{Number: `A&B<"C">`}),
	}
	for i := range 60 {
		kind := kinds[i%len(kinds)]
		o := sample.Options{SellerNIP: sample.NIP(i), Kind: kind, Lines: 1 + i, Seed: uint64(i)}
		docs[fmt.Sprintf("%s-%d.xml", kind, i)] = sample.Invoice(o)
	}
	return docs
}

func schemaDir(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("KSEF_SCHEMA_DIR")
	if dir == "" {
		t.Skip("KSEF_SCHEMA_DIR is not set: the Ministry's schemas are not shipped with this project")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestInvoice_OwnValidator_AcceptsIt(t *testing.T) {
	v, err := xsd.Load(schemaDir(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, doc := range valid() {
		if len(doc) > 100_000 {
			continue // with -race the library needs seconds for these; xmllint checks them below
		}
		if err := v.Validate(doc); err != nil {
			t.Errorf("the schema library refuses %s: %v", name, err)
		}
	}
	for _, flaw := range sample.Flaws() {
		if !flaw.Local() && v.Validate(sample.Bad(flaw, sample.Options{})) == nil {
			t.Errorf("an invoice with the flaw %v is valid, want it refused", flaw)
		}
	}
}

func TestInvoice_Xmllint_AcceptsIt(t *testing.T) {
	schemas := schemaDir(t)
	if _, err := exec.LookPath("xmllint"); err != nil {
		t.Skip("xmllint is not on PATH")
	}
	dir := t.TempDir()
	// The schemas import each other by http address. The catalog maps these addresses to the local
	// files.
	const types = "http://crd.gov.pl/xml/schematy/dziedzinowe/mf/2022/01/05/eD/DefinicjeTypy/"
	local := (&url.URL{Scheme: "file", Path: filepath.Join(schemas, "bazowe") + "/"}).String()
	catalog := filepath.Join(dir, "catalog.xml")
	write(t, catalog, []byte(`<catalog xmlns="urn:oasis:names:tc:entity:xmlns:xml:catalog">`+
		`<rewriteSystem systemIdStartString="`+types+`" rewritePrefix="`+local+`"/>`+
		`<rewriteURI uriStartString="`+types+`" rewritePrefix="`+local+`"/></catalog>`))
	lint := func(files ...string) (string, error) {
		args := []string{"--nonet", "--noout", "--schema", filepath.Join(schemas, "schemat_FA(3)_v1-0E.xsd")}
		cmd := exec.Command("xmllint", append(args, files...)...)
		cmd.Env = append(os.Environ(), "XML_CATALOG_FILES="+catalog)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	var files []string
	for name, doc := range valid() {
		file := filepath.Join(dir, name)
		write(t, file, doc)
		files = append(files, file)
	}
	if out, err := lint(files...); err != nil {
		t.Errorf("xmllint refuses an invoice: %v\n%.3000s", err, out)
	}
	for _, flaw := range sample.Flaws() {
		if flaw.Local() {
			continue
		}
		file := filepath.Join(dir, flaw.String()+".xml")
		write(t, file, sample.Bad(flaw, sample.Options{}))
		if out, err := lint(file); err == nil {
			t.Errorf("an invoice with the flaw %v is valid, want it refused: %s", flaw, out)
		}
	}
}

func write(t *testing.T, file string, data []byte) {
	t.Helper()
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
