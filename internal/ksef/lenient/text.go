package lenient

import (
	"bytes"
	"encoding/json"
	"strings"
)

// Text is a text for people. It accepts a string, a list of strings (joined with "; ") and null
// (""). It keeps anything else as its JSON.
type Text string

// UnmarshalJSON never fails.
func (t *Text) UnmarshalJSON(raw []byte) error {
	var s string
	var list []string
	switch {
	case bytes.Equal(raw, []byte("null")):
		*t = ""
	case json.Unmarshal(raw, &s) == nil:
		*t = Text(s)
	case json.Unmarshal(raw, &list) == nil:
		*t = Text(strings.Join(list, "; "))
	default:
		*t = Text(raw)
	}
	return nil
}

// Name is a text by which something is matched. It accepts only a string, or a number as it is
// written, because a name made of other JSON must not match.
type Name string

// UnmarshalJSON never fails.
func (n *Name) UnmarshalJSON(raw []byte) error {
	*n = ""
	var s string
	var number json.Number
	switch {
	case json.Unmarshal(raw, &s) == nil:
		*n = Name(s)
	case json.Unmarshal(raw, &number) == nil:
		*n = Name(number)
	}
	return nil
}
