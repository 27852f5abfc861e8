package intake

import (
	"encoding/json"
	"testing"

	"ksefworker/internal/invoice"
)

func TestCheckRepeated_NameTwiceInOneObject_IsRefusedByItsName(t *testing.T) {
	for text, want := range map[string]string{
		`{"xml":"<a b=\"c\"/>","ref":"xml","path":"\\"}`: "", `{"a":[{"b":1},{"b":2}],"b":{"a":1,"b":"b"}}`: "", `null`: "", `[]`: "", `"a"`: "",
		`{"a":"{\"b\":1,\"b\":2}"}`: "", `{"xml":1,"xml":2}`: "xml", `{"xml":1,"XML":2}`: "XML", `{"a":{"b":[{"c":1,"c":2}]}}`: "c",
		`{"a":{},"b":[],"a":1}`: "a", `{"\u0061":1,"a":2}`: "a", `{"a":"\\\"","a":2}`: "a",
	} {
		if !json.Valid([]byte(text)) {
			t.Fatal(text)
		}
		got := ""
		if fields := invoice.FieldErrors(CheckRepeated([]byte(text))); len(fields) == 1 {
			got = fields[0].Field
		}
		if got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func FuzzCheckRepeated(f *testing.F) {
	f.Add([]byte(`{"a":["b",{"c":"\\"}]}`))
	f.Add([]byte(`}],"`))
	f.Fuzz(func(_ *testing.T, text []byte) { _ = CheckRepeated(text) }) // it must come back, whatever it gets
}
