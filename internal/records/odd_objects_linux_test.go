package records_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"ksefworker/internal/records"
	"ksefworker/internal/results"
	"ksefworker/internal/sample"
)

// oddities are things that can take the place of a file or folder and cannot be read.
var oddities = map[string]func(path string) error{
	"a link to itself":      func(path string) error { return os.Symlink(filepath.Base(path), path) },
	"a link that leads out": func(path string) error { return os.Symlink("/nobody/has/this", path) },
	"a link to nothing":     func(path string) error { return os.Symlink("gone", path) },
	"a pipe":                func(path string) error { return unix.Mkfifo(path, 0o600) },
}

// One object of a seller cannot be opened. Lists and searches have everything of the other seller.
// They name the object if anything is lacking because of it.
func TestReader_OneObjectCannotBeOpened_OnlyWhatItHasIsLackingAndItIsNamed(t *testing.T) {
	for place, lacking := range map[string]int{ // how many of the 42 results of the seller are lacking
		"2026-11/packages/2026-11-26/*.zip":   40,
		"2026-11/packages/2026-11-26/*.jsonl": 0, // it is made again
		"2026-11/packages/2026-11-26":         40,
		"2026-11/packages":                    40,
		"2026-11/inv-*.json":                  1,
		"2026-11/inv-*.xml":                   0,
		"2026-11/upo/*.xml":                   0,
		"2026-11/upo":                         0,
		"2026-11":                             41,
		"":                                    42,
	} {
		for what, make := range oddities {
			t.Run(place+" is "+what, func(t *testing.T) {
				k, dir := inFolder(t)
				nip, other := sample.NIP(0), sample.NIP(1)
				_, in := k.bundled("2026-11-26", numbers("B", 40)...)
				const day = "2026-11-26"
				alone := k.invoice(sample.Options{SellerNIP: nip, Number: "B/x", IssueDate: day}, "receipted", number(t, nip, 900))
				k.invoice(sample.Options{SellerNIP: nip, Number: "B/y", IssueDate: "2026-10-26"}, "rejected", "")
				k.receipt(append(slices.Clone(in), alone)...)
				theirs := k.invoice(sample.Options{SellerNIP: other, Number: "O/1", IssueDate: day}, "receipted", number(t, other, 1))
				k.receipt(theirs)

				found, err := filepath.Glob(filepath.Join(dir, nip, place))
				if err != nil || len(found) != 1 {
					t.Fatalf("the pattern %s finds the files %q, %v, want one", place, found, err)
				}
				if err := os.RemoveAll(found[0]); err != nil {
					t.Fatal(err)
				}
				if err := make(found[0]); err != nil {
					t.Fatal(err)
				}
				object, err := filepath.Rel(dir, found[0])
				if err != nil {
					t.Fatal(err)
				}
				var unread []string
				told := func(name string, _ error) { unread = append(unread, name) }
				r := &records.Reader{Store: k.store, Unread: told,
					NoDocument: func(_ results.Result, err error) { told(err.Error(), err) }}

				n, ofOther := 0, 0
				if err := r.EachWithin(t.Context(), records.Within{}, func(f results.Result) error {
					if n++; f.ID == theirs.ID {
						ofOther++
					}
					return nil
				}, func(records.Attested) {}); err != nil {
					t.Fatal(err)
				}
				if n != 43-lacking || ofOther != 1 {
					t.Errorf("%d results are read, want %d; %d of the other seller, want 1", n, 43-lacking, ofOther)
				}
				if !slices.Contains(unread, object) && !strings.HasSuffix(place, ".jsonl") && !strings.HasSuffix(place, "inv-*.xml") {
					t.Errorf("the objects reported are %q, want %s among them", unread, object)
				}
				for _, name := range []string{theirs.ID, "O/1", theirs.KsefNumber} {
					got, _, err := r.FindWithin(t.Context(), name, records.Within{})
					if err != nil || len(got) != 1 || got[0].ID != theirs.ID {
						t.Errorf("%s finds %d results, %v, want the invoice of the other seller", name, len(got), err)
					}
				}
				for _, name := range []string{in[3].ID, in[3].Number, in[3].KsefNumber} {
					unread = nil
					got, did, err := r.FindWithin(t.Context(), name, records.Within{})
					if err != nil || len(got) == 0 && len(unread) == 0 && len(did.Attested) == 0 {
						t.Errorf("%s finds %d results and names nothing, %v, want its invoice or the object named", name, len(got), err)
					}
					if lacking == 0 && len(got) != 1 {
						t.Errorf("%s finds %d results, want its invoice", name, len(got))
					}
				}
			})
		}
	}
}
