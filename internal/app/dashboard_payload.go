package app

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// shownKeys are the keys of a task's payload and result that the dashboard shows by default. They
// are ids, and fields by which an operator tells tasks apart. A new key of a payload stays hidden
// until it is added here.
var shownKeys = []string{
	"v", "id", "ids", "nip", "tenant", "kind", "lane", "package", "session", "part", "count",
	"revision", "state", "attempt", "code", "deadline",
}

// maxShown is the length in bytes up to which a text is shown. It is longer than any id and shorter
// than any invoice.
const maxShown = 128

// idsOnly renders a payload as JSON. It keeps only the keys in show, and only values that are short
// scalars or lists of short scalars.
func idsOnly(payload []byte, show []string) string {
	if len(payload) == 0 {
		return ""
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(payload, &fields); err != nil {
		return fmt.Sprintf("(%d bytes, not shown)", len(payload))
	}
	shown := map[string]any{}
	hidden := 0
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		var value any
		if !slices.Contains(show, key) || len(fields[key]) > 16*maxShown ||
			json.Unmarshal(fields[key], &value) != nil || !harmless(value) {
			// The name of an unknown key is hidden too, because it can be any text, like its value.
			hidden++
			continue
		}
		shown[key] = fields[key]
	}
	out, err := json.Marshal(shown)
	if err != nil {
		return fmt.Sprintf("(%d bytes, not shown)", len(payload))
	}
	if hidden > 0 {
		return fmt.Sprintf("%s (and %d not shown)", out, hidden)
	}
	return string(out)
}

// harmless reports whether a value may be shown: a number, a boolean, null, a short string without
// markup or URL, or a flat list of these.
func harmless(value any) bool {
	switch v := value.(type) {
	case nil, bool, float64:
		return true
	case string:
		return len(v) <= maxShown && !strings.ContainsAny(v, "<>\n") && !strings.Contains(v, "://")
	case []any:
		for _, item := range v {
			if _, list := item.([]any); list || !harmless(item) {
				return false
			}
		}
		return true
	}
	return false
}
