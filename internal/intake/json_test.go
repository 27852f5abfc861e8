package intake

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode"

	"ksefworker/internal/invoice"
)

func TestCheckJSON_NameTwiceInOneObject_IsRefusedByItsName(t *testing.T) {
	for text, want := range map[string]string{
		`{"xml":"<a b=\"c\"/>","ref":"xml","path":"\\"}`: "", `{"a":[{"b":1},{"b":2}],"b":{"a":1,"b":"b"}}`: "", `null`: "", `[]`: "", `"a"`: "",
		`{"a":"{\"b\":1,\"b\":2}"}`: "", `{"xml":1,"xml":2}`: "xml", `{"xml":1,"XML":2}`: "XML", `{"a":{"b":[{"c":1,"c":2}]}}`: "c",
		`{"a":{},"b":[],"a":1}`: "a", `{"\u0061":1,"a":2}`: "a", `{"a":"\\\"","a":2}`: "a",
	} {
		if !json.Valid([]byte(text)) {
			t.Fatalf("the text is not JSON: %s", text)
		}
		got := ""
		if fields := invoice.FieldErrors(CheckJSON([]byte(text))); len(fields) == 1 {
			got = fields[0].Field
		}
		if got != want {
			t.Errorf("%s: the field at fault is %q, want %q", text, got, want)
		}
	}
}

// encoding/json treats some names as equal although they are written differently, because ſ and the
// sign of Kelvin fold to letters of ASCII. CheckJSON must treat the same names as equal.
func TestCheckJSON_NameThatTheDecoderFolds_CountsAsTheSame(t *testing.T) {
	var fields []reflect.StructField
	for letter := 'a'; letter <= 'z'; letter++ {
		fields = append(fields, reflect.StructField{Name: strings.ToUpper(string(letter)), Type: reflect.TypeFor[int](),
			Tag: reflect.StructTag(`json:"` + string(letter) + `_x"`)})
	}
	into := reflect.New(reflect.StructOf(fields))
	folds := 0
	for r := range unicode.MaxRune {
		if !unicode.IsLetter(r) || 'a' <= r && r <= 'z' {
			continue
		}
		name := string(r) + "_x"
		into.Elem().SetZero()
		if err := json.Unmarshal([]byte(`{"`+name+`":1}`), into.Interface()); err != nil {
			t.Fatal(name, err)
		}
		if into.Elem().IsZero() && unicode.SimpleFold(r) > unicode.MaxASCII {
			continue
		}
		for n, f := range fields {
			letter := strings.ToLower(f.Name)
			same := into.Elem().Field(n).Int() == 1
			twice := CheckJSON([]byte(`{"`+letter+`_x":1,"`+name+`":2}`)) != nil
			if same {
				folds++
			}
			if same != twice {
				t.Errorf("%s and %q: the decoder takes them for the same: %v, and the check refuses them: %v", letter, r, same, twice)
			}
		}
	}
	if folds != 26+2 {
		t.Errorf("the decoder folds %d letters to letters of ASCII, want the capitals, ſ and K", folds)
	}
}

// encoding/json reads U+FFFD in place of text that stands for no character, and the gateway would
// do the same. Two refs could become the same ref, and a document would be changed on its way. So
// such text is refused.
func TestCheckJSON_TextStandsForNoCharacter_IsRefusedByTheNameOfItsField(t *testing.T) {
	for text, want := range map[string]string{
		`{"ref":"zam\u0142 ż 💰 \ud83d\udcb0 \\ud800","xml":"\u003ca\b/>\t"}`: "", "{\"ref\":\"zam\xb3\"}": "ref",
		`{"a":1,"ref":"\ud800"}`: "ref", `{"ref":"\ud800\u0041"}`: "ref", `{"ref":"\udc00"}`: "ref", `{"ref":"\ufffd"}`: "ref", "{\"ref\":\"\uFFFD\"}": "ref",
		`{"Fa":{"P_1M":"G\u0001d"}}`: "P_1M", `{"Fa":{"P_1M":"\u0000"}}`: "P_1M", `{"Fa":{"P_1M":"\ufffe"}}`: "P_1M", `{"Fa":{"P_1M":["\b"]}}`: "P_1M",
		"{\"Fa\":{\"P_1M\":\"\uFFFF\"}}": "P_1M", "{\"a\xff\":1}": "a\uFFFD", `["\ud800"]`: "document", `{"xml":"\udc00"}`: "xml",
		`{"P_1M":"\r\n\t\/ \u000a"}`: "",
	} {
		got := ""
		if fields := invoice.FieldErrors(CheckJSON([]byte(text))); len(fields) == 1 {
			got = fields[0].Field
		}
		if got != want {
			t.Errorf("%s: the field at fault is %q, want %q", text, got, want)
		}
	}
}

// The rule must not say of JSON in UTF-8 that it has to be UTF-8, and the hint must fit the field.
func TestCheckJSON_TextStandsForNoCharacter_SaysWhatIsWrong(t *testing.T) {
	for text, want := range map[string][2]string{
		"{\"xml\":\"<a>\uFFFD</a>\"}":    {"xml must not contain a replacement character", "in Base64, then they arrive as they are"},
		`{"xml":"<a>\ufffd</a>"}`:        {"xml must not contain a replacement character", "in Base64, then they arrive as they are"},
		"{\"Fa\":{\"P_1M\":\"\uFFFD\"}}": {"P_1M must not contain a replacement character", "give the text as it was"},
		`{"xml":"<a>\ud83d</a>"}`:        {"xml must not contain half of a surrogate pair", "both halves"},
		`{"ref":"\udcb0"}`:               {"ref must not contain half of a surrogate pair", "both halves"},
		"{\"xml\":\"<a>\xb3</a>\"}":      {"xml must be UTF-8", "write the JSON in UTF-8, or send the document's bytes"},
		"{\"ref\":\"\xb3\"}":             {"ref must be UTF-8", "write the JSON in UTF-8"},
	} {
		fields := invoice.FieldErrors(CheckJSON([]byte(text)))
		if len(fields) != 1 {
			t.Fatalf("%q: the faults are %v, want one", text, fields)
		}
		f := fields[0]
		if f.Field+" "+f.Rule != want[0] || !strings.Contains(f.Hint, want[1]) {
			t.Errorf("%q: the fault is %v, want field and rule %q and a hint with %q", text, f, want[0], want[1])
		}
	}
}

func FuzzCheckJSON(f *testing.F) {
	f.Add([]byte(`{"a":["b",{"c":"\\"}]}`))
	f.Add([]byte(`}],"`))
	f.Fuzz(func(_ *testing.T, text []byte) { _ = CheckJSON(text) }) // CheckJSON must return for any text
}
