package invoice_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ksefworker/internal/invoice"
	"ksefworker/internal/invoice/schema"
	"ksefworker/internal/invoice/schema/schematest"
)

// The differential test makes some 250,000 documents from the table: every place of both schemas,
// each with every fault and every odd text. xmllint judges them by the official schemas, which this
// project may not distribute. So `make schema-diff` asks xmllint about all of them, and the file
// verdicts.txt has what it said about every sampleOf-th document, with which every run of the tests
// compares.

const (
	sampleOf        = 37
	randomDocuments = 4000
	verdictsFile    = "testdata/verdicts.txt"
)

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

// record is what xmllint said of the sample of one form.
type record struct {
	count    int
	hash     [32]byte // of all documents of the sample
	verdicts []byte   // a bit for each document, 1 is valid
}

func (r *record) add(doc []byte, valid bool) {
	sum := sha256.Sum256(doc)
	r.hash = sha256.Sum256(append(r.hash[:], sum[:]...))
	if r.count%8 == 0 {
		r.verdicts = append(r.verdicts, 0)
	}
	if valid {
		r.verdicts[r.count/8] |= 1 << (r.count % 8)
	}
	r.count++
}

func (r *record) String() string {
	return fmt.Sprintf("%d %s %s", r.count, hex.EncodeToString(r.hash[:]), base64.StdEncoding.EncodeToString(r.verdicts))
}

// recorded reads the record of one form.
func recorded(t *testing.T, root int) string {
	t.Helper()
	text, err := os.ReadFile(verdictsFile)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(lines) != 2+len(schemaFiles) {
		t.Fatalf("%s has %d lines", verdictsFile, len(lines))
	}
	return lines[2+root]
}

func TestSchema_SampleOfAllDocuments_AgreesWithRecordedVerdictsOfXmllint(t *testing.T) {
	for root := range schemaFiles {
		var ours record
		i := 0
		for d := range schematest.Documents(schema.Forms(), root, randomDocuments) {
			if i++; i%sampleOf != 0 {
				continue
			}
			doc := d.Data()
			faults, err := invoice.SchemaFaults(doc)
			if err != nil {
				t.Fatalf("%s: %v", d.Name, err)
			}
			ours.add(doc, len(faults) == 0)
		}
		if ours.count < 3000 {
			t.Errorf("%s: only %d documents", schemaFiles[root], ours.count)
		}
		want := recorded(t, root)
		wantDocuments, _, _ := strings.Cut(want[strings.IndexByte(want, ' ')+1:], " ")
		if hex.EncodeToString(ours.hash[:]) != wantDocuments {
			t.Errorf("%s: the documents are not those of the record: run make schema-diff RECORD=1", schemaFiles[root])
		} else if ours.String() != want {
			t.Errorf("%s: xmllint gave other verdicts: run make schema-diff to see on what", schemaFiles[root])
		}
	}
}

// All documents with KSEF_SCHEMA_DIFF=1, otherwise the sample.
func TestSchema_EveryDocument_XmllintAgrees(t *testing.T) {
	all := os.Getenv("KSEF_SCHEMA_DIFF") == "1"
	var lines []string
	for root, file := range schemaFiles {
		d := &differential{t: t, lint: xmllintFor(t, root), shown: map[string]int{}}
		i := 0
		for doc := range schematest.Documents(schema.Forms(), root, randomDocuments) {
			if i++; all || i%sampleOf == 0 {
				d.take(doc, i%sampleOf == 0)
			}
		}
		d.judge()
		t.Logf("%s: %d documents, %d valid, %d disagreements", file, d.total, d.valid, d.disagree)
		lines = append(lines, d.record.String())
		if os.Getenv("KSEF_SCHEMA_RECORD") == "" && recorded(t, root) != d.record.String() {
			t.Errorf("%s: the record is out of date: run make schema-diff RECORD=1", file)
		}
	}
	if os.Getenv("KSEF_SCHEMA_RECORD") == "1" && !t.Failed() {
		head := "# What xmllint says about a sample of the documents of package schematest. For each form: their number,\n" +
			"# their hash, their verdicts.\n"
		if err := os.WriteFile(verdictsFile, []byte(head+strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// differential compares verdicts in batches.
type differential struct {
	t      *testing.T
	lint   *schematest.Xmllint
	batch  []schematest.Document
	data   [][]byte
	sample []bool

	record                 record
	total, valid, disagree int
	shown                  map[string]int
}

func (d *differential) take(doc schematest.Document, sample bool) {
	d.batch, d.data, d.sample = append(d.batch, doc), append(d.data, doc.Data()), append(d.sample, sample)
	if len(d.batch) == 2000 {
		d.judge()
	}
}

func (d *differential) judge() {
	for i, verdict := range d.lint.Judge(d.t, d.data) {
		name := d.batch[i].Name
		faults, err := invoice.SchemaFaults(d.data[i])
		if err != nil || verdict == schematest.Unread {
			d.t.Fatalf("%s: %v; xmllint: %v", name, err, verdict)
		}
		d.total++
		valid := verdict == schematest.Valid
		if valid {
			d.valid++
		}
		if d.sample[i] {
			d.record.add(d.data[i], valid)
		}
		if (len(faults) == 0) == valid {
			continue
		}
		d.disagree++
		_, what, _ := strings.Cut(name, " ")
		if d.shown[what]++; d.shown[what] <= 2 {
			d.t.Errorf("%s: xmllint says valid: %v, we say %v", name, valid, faults)
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
		for i, verdict := range xmllintFor(t, root).Judge(t, docs) {
			faults, err := invoice.SchemaFaults(docs[i])
			ours := err == nil && len(faults) == 0
			if verdict == schematest.Valid {
				valid++
			}
			if _, parse := invoice.Parse(docs[i]); err != nil && parse != nil && isStricter(parse) {
				refused++ // KSeF takes no such file, whatever the schema says
				continue
			}
			if ours != (verdict == schematest.Valid) {
				t.Errorf("%s: xmllint: %v, we say %v %v", names[i], verdict, faults, err)
			}
		}
		t.Logf("%s: %d files, %d valid, %d that KSeF refuses in every form", schemaFiles[root], len(docs), valid, refused)
	}
}
