package lenient

import (
	"encoding/json"
	"strings"
	"testing"
)

// Five million empty entries are sixteen megabytes of text, but could take gigabytes of memory when
// decoded. So a list that is too long is not decoded.
func TestList_MoreEntriesThanAnyPageHas_AreNotDecoded(t *testing.T) {
	var l struct{ A List[struct{ Name string }] }
	read := func(value string) {
		t.Helper()
		if err := json.Unmarshal([]byte(`{"A":`+value+`}`), &l); err != nil {
			t.Fatal(err)
		}
	}
	read("[" + strings.Repeat("{},", maxList-1) + `{"name":"z"}]`)
	if !l.A.Given || l.A.TooLong || len(l.A.Entries) != maxList || l.A.Entries[maxList-1].Name != "z" {
		t.Errorf("a list at the maximum is read as given %v, too long %v, with %d entries, want all entries",
			l.A.Given, l.A.TooLong, len(l.A.Entries))
	}
	read("[" + strings.Repeat("{},", maxList) + "{}]")
	if !l.A.Given || !l.A.TooLong || l.A.Entries != nil {
		t.Errorf("a list beyond the maximum is read as given %v, too long %v, with %d entries, want too long and none",
			l.A.Given, l.A.TooLong, len(l.A.Entries))
	}
	for _, none := range []string{"null", `"a"`, "{}", "7"} {
		if read(none); l.A.Given {
			t.Errorf("the value %s is taken for a list", none)
		}
	}
	if read("[]"); !l.A.Given || l.A.TooLong {
		t.Errorf("an empty list is read as given %v, too long %v, want given and not too long", l.A.Given, l.A.TooLong)
	}
}
