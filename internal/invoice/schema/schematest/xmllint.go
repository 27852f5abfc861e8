package schematest

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Xmllint asks libxml2 for verdicts by one schema.
type Xmllint struct {
	schema  string
	catalog string
	dir     string
}

// NewXmllint returns nil when xmllint is not installed. schema is a file. If types is not "", it is
// the folder in which imports by http address are looked for.
func NewXmllint(t testing.TB, schema, types string) *Xmllint {
	t.Helper()
	if _, err := exec.LookPath("xmllint"); err != nil {
		return nil
	}
	x := &Xmllint{schema: schema, dir: t.TempDir()}
	if types != "" {
		types, err := filepath.Abs(types)
		if err != nil {
			t.Fatal(err)
		}
		const remote = "http://crd.gov.pl/xml/schematy/dziedzinowe/mf/2022/01/05/eD/DefinicjeTypy/"
		local := (&url.URL{Scheme: "file", Path: types + "/"}).String()
		x.catalog = filepath.Join(x.dir, "catalog.xml")
		write(t, x.catalog, []byte(`<catalog xmlns="urn:oasis:names:tc:entity:xmlns:xml:catalog">`+
			`<rewriteSystem systemIdStartString="`+remote+`" rewritePrefix="`+local+`"/>`+
			`<rewriteURI uriStartString="`+remote+`" rewritePrefix="`+local+`"/></catalog>`))
	}
	return x
}

// Verdict is what xmllint says about a document.
type Verdict uint8

// The verdicts. Unread is the verdict on a document that is not well-formed.
const (
	Unread Verdict = iota
	Invalid
	Valid
)

// Check returns the verdict on each document. There may be some thousand documents. One process
// reads all of them, because starting a process costs more than reading a document.
func (x *Xmllint) Check(t testing.TB, docs [][]byte) []Verdict {
	t.Helper()
	args := []string{"--nonet", "--noout", "--schema", x.schema}
	for i, doc := range docs {
		file := filepath.Join(x.dir, fmt.Sprintf("%d.xml", i))
		write(t, file, doc)
		args = append(args, file)
	}
	cmd := exec.Command("xmllint", args...)
	cmd.Env = append(os.Environ(), "XML_CATALOG_FILES="+x.catalog)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if strings.Contains(string(out), "failed to compile") {
		t.Fatalf("xmllint does not take the schema:\n%.2000s", out)
	}
	verdicts := make([]Verdict, len(docs))
	for line := range strings.Lines(string(out)) {
		rest, found := strings.CutPrefix(line, x.dir+string(filepath.Separator))
		number, verdict, _ := strings.Cut(rest, ".xml")
		i, err := strconv.Atoi(number)
		if !found || err != nil || i >= len(docs) {
			continue
		}
		switch strings.TrimSpace(verdict) {
		case "validates":
			verdicts[i] = Valid
		case "fails to validate":
			verdicts[i] = Invalid
		}
	}
	return verdicts
}

func write(t testing.TB, file string, data []byte) {
	t.Helper()
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
