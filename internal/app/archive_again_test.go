package app_test

import (
	"errors"
	"os"
	"testing"
	"time"

	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
)

// A person removes the archive's folder and makes it again while a worker runs: the receipts that
// follow are archived there, without a restart.
func TestArchive_FolderIsRemovedAndMadeAgainUnderAWorker_ReceiptsFollow(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, quickSim, hasty)
	p.work()
	docs := good(sample.NIP(0), 4)
	p.wait(60*time.Second, p.admit(intake.Terms{Lane: ledger.Bulk}, docs[:2]...), receipted)
	dir := p.cfg.Archive.Folder()
	if err := errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o700)); err != nil {
		t.Fatal(err)
	}
	later := p.admit(intake.Terms{Lane: ledger.Bulk}, docs[2:]...)
	until(t, 60*time.Second, "those that came later are receipted", p.all(later, receipted))
	if entries, err := os.ReadDir(dir); err != nil || len(entries) < 2 {
		t.Errorf("the folder has %v, %v", entries, err)
	}
	p.balanced(4)
}
