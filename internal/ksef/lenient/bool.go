package lenient

import (
	"encoding/json"
	"strconv"
	"strings"
)

// Bool is a flag. The values true, false, 1 and 0 are taken, also as strings in upper or lower
// case. The strings "t" and "f" are taken, too. Anything else is read as "not given", with both
// Given and On false.
type Bool struct {
	Given, On bool
}

// UnmarshalJSON never fails.
func (b *Bool) UnmarshalJSON(raw []byte) error {
	*b = Bool{}
	text := string(raw)
	_ = json.Unmarshal(raw, &text) // a value that is not a string stays as it is written
	if on, err := strconv.ParseBool(strings.ToLower(strings.TrimSpace(text))); err == nil {
		*b = Bool{Given: true, On: on}
	}
	return nil
}
