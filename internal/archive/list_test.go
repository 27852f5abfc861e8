package archive_test

import (
	"context"
	"errors"
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
	if err := errors.Join(s.Flush(t.Context()), s.Check(t.Context())); err != nil { // check leaves a probe behind
		t.Fatal(err)
	}
	for folder, want := range map[string][]string{
		"":           {"1111111111/", "5265877635/", "archive.json"},
		"5265877635": {"5265877635/2026-10/", "5265877635/2026-11/"},
		"5265877635/2026-11": {"5265877635/2026-11/a.json", "5265877635/2026-11/a.xml", "5265877635/2026-11/b%2Fż +.xml",
			"5265877635/2026-11/c.xml", "5265877635/2026-11/d.xml", "5265877635/2026-11/upo/"},
		"5265877635/2026-11/upo":   {"5265877635/2026-11/upo/s.xml"},
		"5265877635/2026-1":        nil, // a beginning of a name is no folder
		"5265877635/2026-12":       nil,
		"5265877635/2026-10/a.xml": nil,
	} {
		got, err := archive.ListIn(t.Context(), s, folder)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v; want %q", folder, got, err, want)
		}
	}
	var name *archive.NameError
	for _, folder := range []string{"..", "/etc", "a/", ".tmp"} {
		if got, err := archive.ListIn(t.Context(), s, folder); !errors.As(err, &name) {
			t.Errorf("%q: %q, %v; want a NameError", folder, got, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := archive.ListIn(ctx, s, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that has ended: %v", err)
	}
}

func TestListIn_StoreThatCannotList_SaysSo(t *testing.T) {
	if _, err := archive.ListIn(t.Context(), struct{ archive.Store }{}, "a"); err == nil {
		t.Error("no error")
	}
}
