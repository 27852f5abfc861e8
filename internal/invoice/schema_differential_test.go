package invoice_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ksefworker/internal/invoice"
	"ksefworker/internal/invoice/schema"
	"ksefworker/internal/invoice/schema/schematest"
)

// Files of the Ministry's schemas, in the order of the table's roots.
var schemaFiles = []string{"schemat_FA(3)_v1-0E.xsd", "schemat_FA(2)_v1-0E.xsd"}

func TestSchema_EveryDocument_XmllintAgrees(t *testing.T) {
	dir := os.Getenv("KSEF_SCHEMA_DIR")
	if dir == "" {
		t.Skip("KSEF_SCHEMA_DIR is not set: this project may not distribute the Ministry's schemas")
	}
	for root, file := range schemaFiles {
		lint := schematest.NewXmllint(t, filepath.Join(dir, file), filepath.Join(dir, "bazowe"))
		if lint == nil {
			t.Skip("xmllint is not on PATH")
		}
		var names []string
		var docs [][]byte
		total, valid, disagree := 0, 0, 0
		shown := map[string]int{}
		judge := func() {
			for i, want := range lint.Valid(t, docs) {
				total++
				if want {
					valid++
				}
				faults, err := invoice.SchemaFaults(docs[i])
				if err != nil {
					t.Errorf("%s: %v", names[i], err)
				}
				if (len(faults) == 0) != want {
					what := names[i][strings.IndexByte(names[i], ' ')+1:]
					disagree++
					if shown[what]++; shown[what] < 3 {
						t.Errorf("%s: xmllint says valid: %v, we say %v", names[i], want, faults)
					}
				}
			}
			names, docs = names[:0], docs[:0]
		}
		for d := range schematest.Documents(schema.Forms(), root, 4000) {
			names, docs = append(names, d.Name), append(docs, d.Data())
			if len(docs) == 2000 {
				judge()
			}
		}
		judge()
		t.Logf("%s: %d documents, %d valid, %d disagreements", file, total, valid, disagree)
	}
}
