package archive_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"testing"

	"ksefworker/internal/archive"
)

func lists(t *testing.T, s archive.Store) {
	for _, name := range []string{
		"5265877635/2026-10/a.xml", "5265877635/2026-11/a.json", "5265877635/2026-11/a.xml", "5265877635/2026-11/b%2Fż +.xml",
		"5265877635/2026-11/c.xml", "5265877635/2026-11/d.xml", "5265877635/2026-11/upo/s.xml", "1111111111/2026-11/a.xml", "archive.json",
	} {
		if err := s.Put(t.Context(), name, []byte(name), ""); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(s.Flush(t.Context()), s.Check(t.Context())); err != nil { // Check leaves a probe, which is not listed
		t.Fatal(err)
	}
	for folder, want := range map[string][]string{
		"":           {"1111111111/", "5265877635/", "archive.json"},
		"5265877635": {"5265877635/2026-10/", "5265877635/2026-11/"},
		"5265877635/2026-11": {"5265877635/2026-11/a.json", "5265877635/2026-11/a.xml", "5265877635/2026-11/b%2Fż +.xml",
			"5265877635/2026-11/c.xml", "5265877635/2026-11/d.xml", "5265877635/2026-11/upo/"},
		"5265877635/2026-11/upo": {"5265877635/2026-11/upo/s.xml"},
		"5265877635/2026-1":      nil, // the beginning of a name is not a folder
		"5265877635/2026-12":     nil,
	} {
		got, err := archive.ListIn(t.Context(), s, folder)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("the list of %q is %q, %v; want %q", folder, got, err, want)
		}
	}
	// A bucket has no folder of this name. In a folder, a file is in its place.
	const file = "5265877635/2026-10/a.xml"
	if got, err := archive.ListIn(t.Context(), s, file); len(got) > 0 || err != nil && !errors.Is(err, archive.ErrCorrupt) {
		t.Errorf("the list of %q is %q, %v; want none, or ErrCorrupt", file, got, err)
	}
	var name *archive.NameError
	for _, folder := range []string{"..", "/etc", "a/", ".tmp"} {
		if got, err := archive.ListIn(t.Context(), s, folder); !errors.As(err, &name) {
			t.Errorf("the list of %q is %q, %v; want a NameError", folder, got, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := archive.ListIn(ctx, s, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("ListIn with a context that has ended = %v, want its error", err)
	}
}

func TestListIn_StoreThatCannotList_SaysSo(t *testing.T) {
	if _, err := archive.ListIn(t.Context(), struct{ archive.Store }{}, "a"); err == nil {
		t.Error("a store that cannot list gives no error")
	}
}

func TestOpen_ReadOnlyFolder_IsReadAndNothingIsMadeInIt(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(dir+"/a", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/a/b.xml", []byte("<b/>"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := archive.Open(t.Context(), "file://"+dir, archive.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	got, err := s.Get(t.Context(), "a/b.xml")
	if names, listed := archive.ListIn(t.Context(), s, "a"); err != nil || string(got) != "<b/>" || listed != nil || len(names) != 1 {
		t.Errorf("Get = %q, %v, want <b/>; the list is %v, %v, want one name", got, err, names, listed)
	}
	for what, err := range map[string]error{
		"put": s.Put(t.Context(), "a/c.xml", []byte("<c/>"), ""), "replace": s.Replace(t.Context(), "a/c.json", []byte("{}"), ""),
		"remove": s.Remove(t.Context(), "bodies/x"),
	} {
		if !errors.Is(err, archive.ErrReadOnly) {
			t.Errorf("%s: %v, want ErrReadOnly", what, err)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("the folder has %v, %v, want the folder a alone", entries, err)
	}
	if s, err := archive.Open(t.Context(), "file://"+dir+"/none", archive.Options{ReadOnly: true}); err == nil {
		_ = s.Close()
		t.Error("a folder that does not exist was opened")
	}
	if _, err := os.Stat(dir + "/none"); err == nil {
		t.Error("Open made the folder, although ReadOnly was set")
	}
}
