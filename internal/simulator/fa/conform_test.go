package fa_test

import (
	"path/filepath"
	"strings"
	"testing"

	"ksefworker/internal/invoice/schema/schematest"
	"ksefworker/internal/simulator/fa"
	"ksefworker/internal/simulator/fa/fatest"
)

// The simulator's check is separate from that of package invoice. Here the simulator checks the
// documents that a test of package invoice uses too, and must agree with the recorded verdicts of
// xmllint.
func TestSchema_SampleOfAllDocuments_AgreesWithRecordedVerdictsOfXmllint(t *testing.T) {
	records := schematest.ReadRecords(t, filepath.Join("..", "..", "invoice", "testdata", "verdicts.txt"))
	for root, version := range []string{"v3", "v2"} {
		form := fa.Forms()[version]
		var seen schematest.Record
		refused, shown := 0, 0
		for d := range schematest.Sample(root) {
			doc := d.Data()
			broken, err := fa.Breach(doc, form)
			if err != nil {
				t.Fatalf("%s cannot be read: %v", d.Name, err)
			}
			// Inspect demands no more than the schema, apart from correct check digits of NIPs.
			r := fa.Inspect(doc, form, fa.Circumstances{Accepted: fatest.Noon().AddDate(50, 0, 0)})
			if broken == "" && r.Code == 450 && !strings.Contains(r.Details, "is not a valid NIP") {
				t.Errorf("%s: the schema allows the document, but Inspect gives it code %d: %s", d.Name, r.Code, r.Details)
			}
			i := seen.Count
			seen.Add(doc, broken == "")
			if broken != "" {
				refused++
			}
			if i < records[root].Count && records[root].Valid(i) != (broken == "") {
				if shown++; shown < 25 {
					t.Errorf("%s: xmllint says valid: %v, and the simulator finds the breach %q", d.Name, records[root].Valid(i), broken)
				}
			}
		}
		if !seen.SameDocuments(records[root]) {
			t.Errorf("%s: the documents are not those of the record", version)
		}
		if refused < 300 || refused > seen.Count-300 {
			t.Errorf("%s: %d of %d documents are refused, want at least 300 refused and 300 allowed", version, refused, seen.Count)
		}
	}
}
