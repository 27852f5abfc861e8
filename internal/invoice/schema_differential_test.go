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

// The differential test makes some 250,000 documents from the table of package schema. These
// documents have every fault and every odd text at every place of both schemas. xmllint checks
// documents by the official schemas, which this project may not distribute. So only `make
// schema-diff` asks xmllint about all documents. The file verdicts.txt has the verdicts of xmllint
// on a sample, and every run of the tests compares with these verdicts.

const verdictsFile = "testdata/verdicts.txt"

// schemaFiles are the Ministry's schemas in the order of the table's roots.
var schemaFiles = []string{"schemat_FA(3)_v1-0E.xsd", "schemat_FA(2)_v1-0E.xsd"}

// schemaDir returns the folder with the Ministry's schemas. It skips the test when none is set.
func schemaDir(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("KSEF_SCHEMA_DIR")
	if dir == "" {
		t.Skip("KSEF_SCHEMA_DIR is not set: this project may not distribute the Ministry's schemas")
	}
	return dir
}

func xmllintFor(t testing.TB, root int) *schematest.Xmllint {
	t.Helper()
	dir := schemaDir(t)
	lint := schematest.NewXmllint(t, filepath.Join(dir, schemaFiles[root]), filepath.Join(dir, "bazowe"))
	if lint == nil {
		t.Skip("xmllint is not on PATH")
	}
	return lint
}

func TestSchema_SampleOfAllDocuments_AgreesWithRecordedVerdictsOfXmllint(t *testing.T) {
	records := schematest.ReadRecords(t, verdictsFile)
	for root, file := range schemaFiles {
		var ours schematest.Record
		differ := 0
		for d := range schematest.Sample(root) {
			doc := d.Data()
			faults, err := invoice.SchemaFaults(doc)
			if err != nil {
				t.Fatalf("read document %s: %v", d.Name, err)
			}
			ours.Add(doc, len(faults) == 0)
			if i := ours.Count - 1; i < records[root].Count && records[root].Valid(i) != ours.Valid(i) {
				if differ++; differ < 10 {
					t.Errorf("%s: xmllint says valid: %v, and the machine finds the faults %v", d.Name, records[root].Valid(i), faults)
				}
			}
		}
		if !ours.SameDocuments(records[root]) {
			t.Errorf("%s: the documents are not those of the record: run make schema-diff RECORD=1", file)
		}
		if ours.Count < 1000 {
			t.Errorf("%s: the sample has only %d documents", file, ours.Count)
		}
	}
}

// With KSEF_SCHEMA_DIFF=1 the test checks all documents, otherwise only the sample.
func TestSchema_EveryDocument_XmllintAgrees(t *testing.T) {
	all, write := os.Getenv("KSEF_SCHEMA_DIFF") == "1", os.Getenv("KSEF_SCHEMA_RECORD") == "1"
	var records []*schematest.Record
	for root, file := range schemaFiles {
		d := &differential{t: t, lint: xmllintFor(t, root), shown: map[string]int{}}
		for doc, sampled := range schematest.All(root) {
			if all || sampled {
				d.take(doc, sampled)
			}
		}
		d.compare()
		t.Logf("%s: %d documents, %d valid, %d disagreements", file, d.total, d.valid, d.disagree)
		records = append(records, &d.record)
	}
	if write && !t.Failed() {
		schematest.WriteRecords(t, verdictsFile, records)
	}
}

// differential compares verdicts in batches.
type differential struct {
	t      *testing.T
	lint   *schematest.Xmllint
	batch  []schematest.Document
	data   [][]byte
	sample []bool

	record                 schematest.Record
	total, valid, disagree int
	shown                  map[string]int
}

func (d *differential) take(doc schematest.Document, sample bool) {
	d.batch, d.data, d.sample = append(d.batch, doc), append(d.data, doc.Data()), append(d.sample, sample)
	if len(d.batch) == 2000 {
		d.compare()
	}
}

func (d *differential) compare() {
	for i, verdict := range d.lint.Check(d.t, d.data) {
		name := d.batch[i].Name
		faults, err := invoice.SchemaFaults(d.data[i])
		if err != nil || verdict == schematest.Unread {
			d.t.Fatalf("document %s cannot be read: %v; xmllint: %v", name, err, verdict)
		}
		d.total++
		valid := verdict == schematest.Valid
		if valid {
			d.valid++
		}
		if d.sample[i] {
			d.record.Add(d.data[i], valid)
		}
		if (len(faults) == 0) == valid {
			continue
		}
		d.disagree++
		_, what, _ := strings.Cut(name, " ")
		if d.shown[what]++; d.shown[what] <= 2 {
			d.t.Errorf("%s: xmllint says valid: %v, and the machine finds the faults %v", name, valid, faults)
		}
	}
	d.batch, d.data, d.sample = d.batch[:0], d.data[:0], d.sample[:0]
}

// KSEF_FILES_DIR names a folder with invoices of other projects, which are not ours to copy.
func TestSchema_InvoicesOfOthers_XmllintAgrees(t *testing.T) {
	dir := os.Getenv("KSEF_FILES_DIR")
	if dir == "" {
		t.Skip("KSEF_FILES_DIR is not set: these invoices belong to others")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.xml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in %s: %v", dir, err)
	}
	for root := range schemaFiles {
		namespace := schema.Forms().Spaces[schema.Forms().Roots[root].Space]
		var names []string
		var docs [][]byte
		for _, file := range files {
			doc, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(doc), namespace) {
				names, docs = append(names, filepath.Base(file)), append(docs, doc)
			}
		}
		valid, refused := 0, 0
		for i, verdict := range xmllintFor(t, root).Check(t, docs) {
			faults, err := invoice.SchemaFaults(docs[i])
			ours := err == nil && len(faults) == 0
			if verdict == schematest.Valid {
				valid++
			}
			if _, parse := invoice.Parse(docs[i]); err != nil && parse != nil && isStricter(parse) {
				refused++ // KSeF accepts no such file, whatever the schema says
				continue
			}
			if ours != (verdict == schematest.Valid) {
				t.Errorf("%s: xmllint says %v, and the machine finds the faults %v, error %v", names[i], verdict, faults, err)
			}
		}
		t.Logf("%s: %d files, %d valid, %d that KSeF refuses in every form", schemaFiles[root], len(docs), valid, refused)
	}
}
