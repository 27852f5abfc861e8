package archive_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ksefworker/internal/archive"
)

// uses notes in memory which archives were used, as the ledger does in Redis.
type uses map[string]bool

func (u uses) ArchiveUsed(_ context.Context, url string) (bool, error) { return u[url], nil }

func (u uses) NoteArchive(_ context.Context, url string) error { u[url] = true; return nil }

// A process starts while the share of its archive is not mounted. The empty folder below the mount
// point must not count as a new archive, and the documents that it lacks must not count as lost.
func TestOwned_UsedBeforeAndEmptyNow_EveryCallIsRefusedUntilItIsBack(t *testing.T) {
	dir, known := filepath.Join(t.TempDir(), "archive"), uses{}
	open := func() *archive.OwnedStore {
		s, err := archive.Open(t.Context(), "file://"+dir, archive.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return archive.Owned(s, ownTest, func(a, b archive.Owner) bool { return a == b }, known)
	}
	const name = "5265877635/2026-11/inv-a.json"
	if err := open().Put(t.Context(), name, []byte("{}"), ""); err != nil || len(known) != 1 {
		t.Fatalf("Put = %v, and the archives noted as used are %v, want one", err, known)
	}
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	s := open()
	_, get := s.Get(t.Context(), name)
	for call, err := range map[string]error{
		"Put": s.Put(t.Context(), "a/b.xml", []byte("x"), ""), "Replace": s.Replace(t.Context(), name, []byte("x"), ""), "Get": get,
		"Remove": s.Remove(t.Context(), "bodies/x"), "Check": s.Check(t.Context()), "Claim": s.Claim(t.Context()),
		"Verify": s.Verify(t.Context()),
	} {
		_, unmarked := errors.AsType[*archive.UnmarkedError](err)
		sick, ok := errors.AsType[*archive.CallError](err)
		if !unmarked || !ok || !sick.Sick || errors.Is(err, archive.ErrNotFound) {
			t.Errorf("%s = %v, want an UnmarkedError in a sick CallError, and not ErrNotFound", call, err)
		}
	}
	if files := filesIn(t, dir); len(files) > 0 {
		t.Errorf("the calls that were refused wrote %v", files)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(dir+".away", dir); err != nil {
		t.Fatal(err)
	}
	if got, err := open().Get(t.Context(), name); err != nil || string(got) != "{}" {
		t.Errorf("after the archive is back, Get = %q, %v; want {}", got, err)
	}
}

// A person does what the text of the refusal says, and puts the mark back. The archive is used
// again.
func TestOwned_MarkIsPutBackByHand_TheArchiveIsUsedAgain(t *testing.T) {
	dir := t.TempDir()
	s, err := archive.Open(t.Context(), "file://"+dir, archive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	o := archive.Owned(s, ownTest, func(a, b archive.Owner) bool { return a == b }, uses{s.URL(""): true})
	refused := o.Claim(t.Context())
	_, mark, found := strings.Cut(refused.Error(), "put a file archive.json with ")
	mark, _, ended := strings.Cut(mark, " into it")
	if !found || !ended {
		t.Fatalf("the refusal does not say which file to put back: %v", refused)
	}
	if err := os.WriteFile(filepath.Join(dir, "archive.json"), []byte(mark), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := o.Put(t.Context(), "a/b.xml", []byte("x"), ""); err != nil {
		t.Error(err)
	}
}
