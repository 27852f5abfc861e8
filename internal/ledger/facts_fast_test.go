package ledger

import (
	"encoding/json"
	"reflect"
	"testing"
)

// When the quick reader reads facts, encoding/json must read the same from them. The quick reader
// may leave facts to encoding/json, which only takes longer. But it may not leave all facts to
// encoding/json. So the test first checks that the quick reader reads the facts in whole.
func FuzzFacts_QuickReader_AgreesWithJSON(f *testing.F) {
	whole := storedFacts{Facts: Facts{V: 1, Revision: 2, ID: "inv-x", CreatedAt: 3, Tenant: "Łódź 1", NIP: "5210000026", Context: "c",
		Subject: "s",
		Kind:    "VAT", IssueDate: "2026-11-23", File: "/a/b.xml", Ref: "r", Offline: true, Form: "v3", Attachment: true, Overflow: true,
		SoftDeadline: -4}, Ident: "i", Hash: "h+/="}
	packed, err := json.Marshal(whole)
	if err != nil {
		f.Fatal(err)
	}
	var got storedFacts
	if !got.read(string(packed)) || !reflect.DeepEqual(got, whole) {
		f.Fatalf("%s is read as %+v, want the facts that were packed", packed, got)
	}
	for _, seed := range []string{string(packed), `{"v":1}`, `{"v":01}`, `{"v":1,"file":"a\u0026b"}`, `{"v":1,"new":2}`, `{"v":"1"}`,
		`{"id":1}`,
		`{"v":1,"v":2}`, `{"V":1}`, `{"v":1} `, `{"v":1,}`, `{"offline":false}`, `{"offline":true,"v":1e3}`, "{\"id\":\"\xff\"}", `{}`, ``,
		`{"v":-0}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, packed string) {
		var quick, slow storedFacts
		if !quick.read(packed) {
			return
		}
		if err := json.Unmarshal([]byte(packed), &slow); err != nil || !reflect.DeepEqual(quick, slow) {
			t.Errorf("%q is read quickly as %+v, and by encoding/json as %+v (error %v), want the same", packed, quick, slow, err)
		}
	})
}
