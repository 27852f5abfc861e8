package intake

import (
	"bytes"
	"encoding/json"
	"strings"

	"ksefworker/internal/invoice"
)

// CheckRepeated refuses a JSON text in which an object has a name twice. It returns an
// [*invoice.FieldError] of that name, or nil when there is none. RFC 8259 leaves open which of the
// two counts, so readers differ: what we read might not be what the gateway reads. Names that
// differ only in case count as the same, as encoding/json has it. The text must be JSON.
func CheckRepeated(text []byte) error {
	var open []map[string]bool // the names of each object that is open; nil for an array
	name := false              // the string that comes next is a name
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{':
			open, name = append(open, map[string]bool{}), true
		case '[':
			open, name = append(open, nil), false
		case '}', ']':
			open, name = open[:max(len(open)-1, 0)], false
		case ',':
			name = len(open) > 0 && open[len(open)-1] != nil
		case ':':
			name = false
		case '"':
			end := stringEnd(text, i)
			if name {
				var of string
				if json.Unmarshal(text[i:end], &of) != nil {
					return nil // it is no JSON, and whoever reads it says so
				}
				names, folded := open[len(open)-1], strings.ToLower(of)
				if names[folded] {
					return &invoice.FieldError{Field: of, Rule: "must be given once"}
				}
				names[folded] = true
			}
			i = end - 1
		}
	}
	return nil
}

// stringEnd returns the index after the end of the string that begins at the given index.
func stringEnd(text []byte, at int) int {
	for i := at + 1; i < len(text); i++ {
		n := bytes.IndexByte(text[i:], '"')
		if n < 0 {
			break
		}
		i += n
		escaped := 0
		for text[i-1-escaped] == '\\' {
			escaped++
		}
		if escaped%2 == 0 {
			return i + 1
		}
	}
	return len(text)
}
