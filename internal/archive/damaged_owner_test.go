package archive_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ksefworker/internal/archive"
)

// After a power cut the file that says whose the archive is may be empty or cut off. Nobody knows
// then whose the archive is, so nothing is read or written until a person has seen to it.
func TestOwned_MarkIsDamaged_EveryCallIsRefusedUntilAPersonPutsItRight(t *testing.T) {
	for _, damaged := range []string{"", "{}", "null", `{"environment":"te`, "\x00\x00\x00\x00", "[]"} {
		t.Run(damaged, func(t *testing.T) {
			dir := t.TempDir()
			mark := filepath.Join(dir, "archive.json")
			if err := os.WriteFile(mark, []byte(damaged), 0o600); err != nil {
				t.Fatal(err)
			}
			s, err := archive.Open(t.Context(), "file://"+dir, archive.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			o := archive.Owned(s, ownTest, func(a, b archive.Owner) bool { return a == b }, nil)
			_, get := o.Get(t.Context(), "5265877635/2026-11/inv-a.json")
			text := ""
			for call, err := range map[string]error{
				"Put": o.Put(t.Context(), "a/b.xml", []byte("x"), ""), "Get": get,
				"Claim": o.Claim(t.Context()), "Verify": o.Verify(t.Context()),
			} {
				_, is := errors.AsType[*archive.DamagedOwnerError](err)
				sick, ok := errors.AsType[*archive.CallError](err)
				if !is || !ok || !sick.Sick || errors.Is(err, archive.ErrNotFound) {
					t.Fatalf("%s with the mark %q = %v, want a DamagedOwnerError in a sick CallError, and not ErrNotFound",
						call, damaged, err)
				}
				text = err.Error()
			}
			_, right, found := strings.Cut(text, "put ")
			right, _, ended := strings.Cut(right, " into the file")
			if !found || !ended {
				t.Fatalf("the error %q does not say what to put into the file", text)
			}
			if err := os.WriteFile(mark, []byte(right), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := o.Put(t.Context(), "a/b.xml", []byte("x"), ""); err != nil {
				t.Errorf("after the mark was put right, Put = %v, want no error", err)
			}
		})
	}
}
