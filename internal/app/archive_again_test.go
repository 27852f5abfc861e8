package app_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
)

// A person removes the archive's folder and makes it again while a worker runs. The new folder is
// empty, like the mount point of a share that is not mounted. It lacks archive.json, the file that
// marks the archive, so receipts wait. When the folder has this file again, the receipts are
// archived there without a restart.
func TestArchive_FolderIsMadeAgainUnderAWorker_ReceiptsWaitForItsMarkAndFollow(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, quickSim, hasty)
	p.work()
	docs := good(sample.NIP(0), 4)
	p.wait(60*time.Second, p.admit(intake.Terms{Lane: ledger.Bulk}, docs[:2]...), receipted)
	dir := p.cfg.Archive.Folder()
	mark, err := os.ReadFile(filepath.Join(dir, "archive.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o700)); err != nil {
		t.Fatal(err)
	}
	later := p.admit(intake.Terms{Lane: ledger.Bulk}, docs[2:]...)
	until(t, 60*time.Second, "the invoices that came later are accepted, and their receipts wait for the archive", func() bool {
		return p.all(later, ledger.Accepted)() &&
			strings.Contains(p.log.String(), "was used before, and its file archive.json is missing")
	})
	if err := os.WriteFile(filepath.Join(dir, "archive.json"), mark, 0o600); err != nil {
		t.Fatal(err)
	}
	until(t, 90*time.Second, "the invoices that came later are receipted", p.all(later, receipted))
	if entries, err := os.ReadDir(dir); err != nil || len(entries) < 2 {
		t.Errorf("the new archive folder has %v (error %v), want documents beside archive.json", entries, err)
	}
	p.balanced(4)
}
