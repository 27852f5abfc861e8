package watch

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"ksefworker/internal/ledger"
)

// The disk of the folder is full. Files are moved and handed in all the same. A file waits if its
// XML or its result cannot be written.
func TestWatch_DiskIsFull_FilesWaitAndGoOnWhenThereIsSpace(t *testing.T) {
	s := newSite(t)
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("a small disk needs the right to mount one: %v", err)
	}
	t.Cleanup(func() { s.end(); s.must(syscall.Unmount(dir, 0)) })
	s.dir, s.o.Dir = dir, dir
	s.put("a.xml", xmlOf(0, "FV/1"))
	s.put("b.json", []byte(`{"Fa":{"P_2":"FV/2"}}`))
	asked, generate := 0, s.o.Generate
	s.o.Generate = func(ctx context.Context, tenant string, faktura []byte) ([]byte, error) {
		asked++
		return generate(ctx, tenant, faktura)
	}
	s.start()
	filler, err := os.Create(filepath.Join(dir, "filler"))
	s.must(err)
	for block := make([]byte, 4096); err == nil; {
		_, err = filler.Write(block)
	}
	s.must(filler.Close())
	s.passes(3)
	s.wantTree("filler", "taken/a.xml", "taken/b.json") // not even the list of what waits can be written
	if s.entries() != 1 || !strings.Contains(s.w.problems["taken/b.json"], "the disk is full") {
		t.Errorf("the ledger has %d invoices, and what waits is %v: want one invoice, and the JSON file waiting", s.entries(), s.w.problems)
	}
	s.settle("FV/1", ledger.Receipted)
	s.passes(2)
	if !strings.Contains(s.w.problems["taken/a.xml"], "the disk is full") {
		t.Error("taken/a.xml does not wait for space on the disk; what waits is", s.w.problems)
	}
	s.must(os.Remove(filepath.Join(dir, "filler")))
	s.passes(6)
	s.settle("FV/2", ledger.Receipted)
	s.passes(3)
	s.wantTree("accepted/a.xml", "accepted/a.xml.json", "accepted/a.xml.upo.xml",
		"accepted/b.json", "accepted/b.json.xml", "accepted/b.json.json", "accepted/b.json.upo.xml")
	if asked != 1 {
		t.Errorf("the gateway was asked %d times, want once", asked)
	}
}
