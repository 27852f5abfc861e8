package lenient

import (
	"encoding/json"
	"strconv"
	"strings"
)

// Bool is a flag. It takes true, false, 1 and 0, also as strings in upper or lower case, and the
// strings "t" and "f". Anything else is "not given": Given is false, and so is On.
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
