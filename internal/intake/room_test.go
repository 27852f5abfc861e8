package intake_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"ksefworker/internal/intake"
	"ksefworker/internal/redisd/redistest"
	"ksefworker/internal/sample"
	"ksefworker/internal/tasks"
)

// The documents of a chunk share memory with those of the next, and what is sealed does too. Each stored document is its own file's all the same.
func TestRun_ChunksShareMemory_EachStoredDocumentIsItsOwnFiles(t *testing.T) {
	rdb, _ := redistest.New(t)
	a := admitter(t, rdb)
	dir := t.TempDir()
	for name, doc := range sample.Invoices(sample.NIP(0), 1500, "") {
		if err := os.WriteFile(filepath.Join(dir, name), doc, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files := map[string]string{} // id → file
	err := intake.Run(t.Context(), a, intake.Read(t.Context(), []string{dir}, intake.Options{}), tasks.Terms{}, func(adms []tasks.Admission) {
		for _, adm := range adms {
			files[adm.Invoice.ID] = adm.File
		}
	})
	if err != nil || len(files) != 1500 {
		t.Fatalf("%d taken, %v", len(files), err)
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
			t.Fatalf("what is stored of %s is another document (%v)", file, err)
		}
	}
}
