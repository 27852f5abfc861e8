package e2e_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
)

// A whole package is archived in one ZIP. An accountant finds one of its invoices by number,
// without the ledger, and gets the document and the receipt.
func TestFind_WholePackageInOneZIP_DocumentAndReceiptAreExportedWithoutTheLedger(t *testing.T) {
	s := newSite(t, simulator.Options{})
	s.configure(1, func(c *config.Config) { c.Confirm.First, c.Confirm.Max = 200*time.Millisecond, time.Second })
	const n = 45
	dir := s.export("a", sample.NIP(0), n)
	s.submit(dir)
	s.start()
	s.receipted(n, time.Minute)
	zips, err := filepath.Glob(filepath.Join(s.bed.ArchiveDir(), "*", "*", "packages", "*", "*.zip"))
	alone, err2 := filepath.Glob(filepath.Join(s.bed.ArchiveDir(), "*", "*", "inv-*"))
	if err != nil || err2 != nil || len(zips) == 0 {
		t.Fatalf("the archive has the ZIPs %v, want at least one, and the single files %v (errors %v, %v)", zips, alone, err, err2)
	}
	accepted := s.bed.Simulator.Books().Accepted[n/2]
	out := filepath.Join(t.TempDir(), "out")
	for _, name := range []string{accepted.KsefNumber, accepted.Number} {
		code, found := s.enqueue("find", name, "--archive-only")
		if code != 0 || !strings.Contains(found, accepted.KsefNumber) {
			t.Fatalf("enqueue find %s ended with exit code %d, want 0 and the KSeF number:\n%s", name, code, found)
		}
		if code, text := s.enqueue("export", name, "--to", out, "--archive-only"); code != 0 {
			t.Fatalf("enqueue export %s ended with exit code %d:\n%s", name, code, text)
		}
	}
	base := filepath.Join(out, accepted.KsefNumber)
	doc, err := os.ReadFile(base + ".xml")
	upo, err2 := os.ReadFile(base + "-upo.xml")
	if err != nil || err2 != nil || !bytes.Contains(doc, []byte("<P_2>"+accepted.Number+"<")) ||
		!bytes.Contains(upo, []byte(accepted.KsefNumber)) {
		t.Errorf("the export has a document of %d bytes and a receipt of %d (errors %v, %v), want those of the invoice",
			len(doc), len(upo), err, err2)
	}
	if code, text := s.enqueue("proof", accepted.KsefNumber, "--out", filepath.Join(t.TempDir(), "p.zip")); code != 0 {
		t.Errorf("enqueue proof ended with exit code %d:\n%s", code, text)
	}
}
