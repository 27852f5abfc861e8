package invoice_test

import (
	"errors"
	"testing"

	"ksefworker/internal/invoice"
	"ksefworker/internal/invoice/schema"
	"ksefworker/internal/invoice/schema/schematest"
	"ksefworker/internal/sample"
)

// FuzzSchema runs a schema.Machine on what our own reader reads, and on what encoding/xml reads.
// Both must lead to the same faults.
func FuzzSchema(f *testing.F) {
	f.Add([]byte(small))
	f.Add(sample.Invoice(sample.Options{Lines: 1, Attachment: true}))
	for root := range schemaFiles {
		i := 0
		for d := range schematest.Documents(schema.Forms(), root, 20) {
			if i++; i%2003 == 0 {
				f.Add(d.Data())
			}
		}
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		ours, err := invoice.SchemaFaults(doc)
		if err != nil {
			return
		}
		theirs, err := schematest.Faults(schema.Forms(), doc)
		if errors.Is(err, schematest.ErrNotNormalized) {
			return
		}
		if err != nil {
			t.Fatalf("encoding/xml refuses what we read: %v\n%q", err, doc)
		}
		if len(ours) != len(theirs) {
			t.Fatalf("the faults with our reader are %v\nwith encoding/xml %v\nof %q", ours, theirs, doc)
		}
		for i := range ours {
			if ours[i].Path != theirs[i].Path || ours[i].Rule != theirs[i].Rule {
				t.Errorf("fault %d with our reader is %v\nwith encoding/xml %v\nof %q", i, ours[i], theirs[i], doc)
			}
			if ours[i].At < 0 || ours[i].At > len(doc) || ours[i].Rule == "" {
				t.Errorf("the fault is %+v, want a rule and a place from 0 to %d", ours[i], len(doc))
			}
		}
	})
}
