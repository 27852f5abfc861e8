package intake_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"ksefworker/internal/intake"
	"ksefworker/internal/redisd/redistest"
	"ksefworker/internal/sample"
)

// A chunk of documents uses the memory of an earlier chunk again, for the documents and for their
// sealed forms. Each stored document must still be the content of its own file.
func TestRun_ChunksShareMemory_EachStoredDocumentIsThatOfItsFile(t *testing.T) {
	rdb, _ := redistest.New(t)
	a := admitter(t, rdb)
	dir := t.TempDir()
	for name, doc := range sample.Invoices(sample.NIP(0), 1500, "") {
		if err := os.WriteFile(filepath.Join(dir, name), doc, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files := map[string]string{} // id → file
	items := intake.Read(t.Context(), []string{dir}, intake.Options{})
	err := intake.Run(t.Context(), a, items, intake.Terms{}, func(adms []intake.Admission) {
		for _, adm := range adms {
			files[adm.Invoice.ID] = adm.File
		}
	})
	if err != nil || len(files) != 1500 {
		t.Fatalf("%d documents were taken, %v, want 1500", len(files), err)
	}
	for id, file := range files {
		sealed, err := a.Ledger.Body(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		got, err := a.Bodies.Open(id, sealed)
		if err != nil {
			t.Fatal(err)
		}
		if want, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("the document stored for %s is that of another file (%v)", file, err)
		}
	}
}
