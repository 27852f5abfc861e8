package direct

import (
	_ "embed"
	"slices"
	"strings"
	"testing"
)

// record has the names of the fields that this package sends and reads. They are grouped by form,
// under the form's name in the Ministry's contract. The record was compared with the contract's
// open-api.json (2.7.0), which is not in this repository. The tests use the record to find a name
// that is misspelt later.
//
//go:embed testdata/fields.txt
var record string

func TestFields_OfEveryForm_AreThoseOnRecord(t *testing.T) {
	recorded := map[string][]string{}
	for line := range strings.Lines(record) {
		if words := strings.Fields(line); len(words) > 0 && !strings.HasPrefix(line, "#") {
			recorded[words[0]] = words[1:]
		}
	}
	for name, form := range schemas {
		want, got := recorded[name], slices.Sorted(slices.Values(fields(form)))
		if !slices.Equal(got, want) {
			t.Errorf("%s has the fields\n%s\non record are\n%s\nWith KSEF_MF_OPENAPI, check that the contract has them; then correct testdata/fields.txt",
				name, strings.Join(got, " "), strings.Join(want, " "))
		}
		delete(recorded, name)
	}
	for name := range recorded {
		t.Errorf("%s is on record, but this package has no form of this name", name)
	}
}
