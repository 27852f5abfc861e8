package schematest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"iter"
	"os"
	"strings"
	"testing"

	"ksefworker/internal/invoice/schema"
)

// sampleOf says that every 101st document belongs to the sample. 101 is a prime number, so the
// sample has documents of every place and every fault.
const sampleOf = 101

// randomDocuments is how many random documents of each form are made.
const randomDocuments = 4000

// All returns all documents of one root of the forms, each with true when it belongs to the sample.
func All(root int) iter.Seq2[Document, bool] {
	return func(yield func(Document, bool) bool) {
		i := 0
		for d := range Documents(schema.Forms(), root, randomDocuments) {
			if i++; !yield(d, i%sampleOf == 0) {
				return
			}
		}
	}
}

// Sample returns the documents of the sample.
func Sample(root int) iter.Seq[Document] {
	return func(yield func(Document) bool) {
		for d, sampled := range All(root) {
			if sampled && !yield(d) {
				return
			}
		}
	}
}

// Record is what xmllint said about the sample of one form.
type Record struct {
	Count    int
	hash     [32]byte // of all documents of the sample
	verdicts []byte   // a bit for each document, 1 is valid
}

// Add appends the verdict on the next document of the sample.
func (r *Record) Add(doc []byte, valid bool) {
	sum := sha256.Sum256(doc)
	r.hash = sha256.Sum256(append(r.hash[:], sum[:]...))
	if r.Count%8 == 0 {
		r.verdicts = append(r.verdicts, 0)
	}
	if valid {
		r.verdicts[r.Count/8] |= 1 << (r.Count % 8)
	}
	r.Count++
}

// Valid returns the verdict on document i.
func (r *Record) Valid(i int) bool { return r.verdicts[i/8]&(1<<(i%8)) != 0 }

// SameDocuments reports whether two records are about the same documents.
func (r *Record) SameDocuments(other *Record) bool {
	return r.Count == other.Count && r.hash == other.hash
}

const recordHead = "# What xmllint says about a sample of the documents of package schematest. For each form: their number,\n" +
	"# their hash, their verdicts.\n"

// WriteRecords writes the records of all forms to a file.
func WriteRecords(t testing.TB, file string, records []*Record) {
	t.Helper()
	var b strings.Builder
	b.WriteString(recordHead)
	for _, r := range records {
		fmt.Fprintln(&b, r.Count, hex.EncodeToString(r.hash[:]), base64.StdEncoding.EncodeToString(r.verdicts))
	}
	write(t, file, []byte(b.String()))
}

// ReadRecords reads what WriteRecords wrote.
func ReadRecords(t testing.TB, file string) []*Record {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var records []*Record
	for line := range strings.Lines(strings.TrimPrefix(string(text), recordHead)) {
		r := &Record{}
		var hash, verdicts string
		if _, err := fmt.Sscan(line, &r.Count, &hash, &verdicts); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		sum, err := hex.DecodeString(hash)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		copy(r.hash[:], sum)
		if r.verdicts, err = base64.StdEncoding.DecodeString(verdicts); err != nil || len(r.verdicts) != (r.Count+7)/8 {
			t.Fatalf("%s: %d bytes of verdicts, %v", file, len(r.verdicts), err)
		}
		records = append(records, r)
	}
	return records
}
