package archive_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ksefworker/internal/archive"
)

var (
	ownTest = archive.Owner{Environment: "test", Address: "https://test"}
	ownLive = archive.Owner{Environment: "production", Address: "https://live"}
)

func owned(t *testing.T, dir string, o archive.Owner) *archive.OwnedStore {
	t.Helper()
	s, err := archive.Open(t.Context(), "file://"+dir, archive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return archive.Owned(s, o, func(a, b archive.Owner) bool { return a.Environment == b.Environment }, nil)
}

func filesIn(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			names = append(names, strings.TrimPrefix(path, dir+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// Results have names that follow from the documents alone. So results of another environment would
// be overwritten, or read as if they were of this environment.
func TestOwned_ArchiveOfAnotherEnvironment_EveryCallIsRefusedAndNothingIsWritten(t *testing.T) {
	dir := t.TempDir()
	first, second := owned(t, dir, ownTest), owned(t, dir, ownLive)
	const name = "5265877635/2026-11/inv-a.json"
	if err := first.Put(t.Context(), name, []byte("{}"), ""); err != nil {
		t.Fatal(err)
	}
	before := filesIn(t, dir)
	_, get := second.Get(t.Context(), name)
	for call, err := range map[string]error{
		"Put": second.Put(t.Context(), "a/b.xml", []byte("x"), ""), "Replace": second.Replace(t.Context(), name, []byte("x"), ""),
		"Get":    get,
		"Remove": second.Remove(t.Context(), "bodies/x"), "Check": second.Check(t.Context()), "Claim": second.Claim(t.Context()),
		"Verify": second.Verify(t.Context()), "Move": second.Move(t.Context(), archive.Owner{Environment: "custom"}),
	} {
		refused, ok := errors.AsType[*archive.OwnerError](err)
		if !ok || refused.Owner != ownTest || refused.Here != ownLive || !strings.Contains(err.Error(), "archive.url") {
			t.Errorf("%s = %v, want an OwnerError that says what to do", call, err)
		}
	}
	if after := filesIn(t, dir); len(after) != len(before) {
		t.Errorf("the files were %v and are %v, want no change", before, after)
	}
	if data, err := first.Get(t.Context(), name); string(data) != "{}" || err != nil {
		t.Errorf("the first environment's result is now %s, %v, want {}", data, err)
	}
}

func TestOwned_NobodyHasClaimed_LookingDoesNotClaim(t *testing.T) {
	dir := t.TempDir()
	first := owned(t, dir, ownTest)
	if _, err := first.Get(t.Context(), "a/b.xml"); !errors.Is(err, archive.ErrNotFound) {
		t.Errorf("Get = %v, want ErrNotFound", err)
	}
	if err := first.Verify(t.Context()); err != nil {
		t.Errorf("Verify of an archive that nobody has claimed = %v, want no error", err)
	}
	if err := owned(t, dir, ownLive).Claim(t.Context()); err != nil {
		t.Errorf("Claim of an archive that nobody has claimed = %v, want no error", err)
	}
	if err := first.Claim(t.Context()); err == nil {
		t.Error("two environments have claimed the archive")
	}
}

func TestOwned_Moved_BelongsToTheNewAddress(t *testing.T) {
	dir := t.TempDir()
	if err := owned(t, dir, ownTest).Claim(t.Context()); err != nil {
		t.Fatal(err)
	}
	moved := owned(t, dir, ownLive)
	for range 2 { // a person repeats the move when the ledger could not be told of it
		if err := moved.Move(t.Context(), ownTest); err != nil {
			t.Fatal(err)
		}
	}
	if err := moved.Put(t.Context(), "a/b.xml", []byte("x"), ""); err != nil {
		t.Errorf("after the move, Put = %v, want no error", err)
	}
	if err := owned(t, dir, ownTest).Claim(t.Context()); err == nil {
		t.Error("the old address can still claim the archive")
	}
}

// The archive is away when a process starts. Every use of the archive asks who owns it, until there
// is an answer.
func TestOwned_ArchiveIsAway_IsAskedAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a")
	if err := os.WriteFile(dir, nil, 0o600); err != nil { // a file is in the way of the folder
		t.Fatal(err)
	}
	away, err := archive.Open(t.Context(), "file://"+dir+"/archive", archive.Options{OpenLater: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = away.Close() })
	o := archive.Owned(away, ownTest, func(a, b archive.Owner) bool { return a == b }, nil)
	if err := o.Put(t.Context(), "a/b.xml", []byte("x"), ""); err == nil {
		t.Fatal("Put into an archive that is away returned no error")
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if err := o.Put(t.Context(), "a/b.xml", []byte("x"), ""); err != nil {
		t.Errorf("once the archive is back, Put = %v, want no error", err)
	}
}
