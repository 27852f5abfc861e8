package lenient

import (
	"encoding/json"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestReader_ControlCharactersInStrings_AreEscapedAndAllElseIsUnchanged(t *testing.T) {
	for in, want := range map[string]string{
		"{\"a\": \"b\tc\"}":                    "{\"a\": \"b\\u0009c\"}",
		"{\n\t\"a\":\r\n1}":                    "{\n\t\"a\":\r\n1}",
		"{\"a\": \"\\\"\x01\\\\\", \"b\":\t2}": "{\"a\": \"\\\"\\u0001\\\\\", \"b\":\t2}",
		"{\"a\": \"\\\n\"}":                    "{\"a\": \"\\\\\\u000a\"}",
		"{\"a\": \"ż\x1f\"}":                   "{\"a\": \"ż\\u001f\"}",
		"<html>\t":                             "<html>\t",
		"":                                     "",
	} {
		for name, r := range map[string]io.Reader{
			"whole":        strings.NewReader(in),
			"byte by byte": iotest.OneByteReader(strings.NewReader(in)),
		} {
			got, err := io.ReadAll(NewReader(r))
			if err != nil || string(got) != want {
				t.Errorf("%s: %q becomes %q (error %v), want %q", name, in, got, err, want)
			}
		}
		if got := string(Escape([]byte(in))); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
		if strings.HasPrefix(in, "{") && !json.Valid([]byte(want)) {
			t.Errorf("the wanted text %q is not valid JSON", want)
		}
	}
}

func TestReader_BrokenConnection_ReturnsItsError(t *testing.T) {
	broken := io.MultiReader(strings.NewReader(`{"a": "b`), iotest.ErrReader(io.ErrClosedPipe))
	if got, err := io.ReadAll(NewReader(broken)); err != io.ErrClosedPipe || string(got) != `{"a": "b` {
		t.Errorf("before the connection broke, the reader gave %q, then the error %v, want the connection's own error", got, err)
	}
}
