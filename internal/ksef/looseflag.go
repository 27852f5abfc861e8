package ksef

import (
	"encoding/json"
	"strconv"
	"strings"
)

// looseFlag takes true and false, also as texts in whatever case, and 1 and 0. Anything else is "not
// given". It is for flags that say how a list goes on, where a wrong guess costs a request.
type looseFlag struct {
	given, on bool
}

func (f *looseFlag) UnmarshalJSON(raw []byte) error {
	*f = looseFlag{}
	text := string(raw)
	_ = json.Unmarshal(raw, &text) // what is not a text stays as it is written
	if on, err := strconv.ParseBool(strings.ToLower(strings.TrimSpace(text))); err == nil {
		*f = looseFlag{given: true, on: on}
	}
	return nil
}
