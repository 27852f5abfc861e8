package app

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ShownKeys are the keys of a task's payload and result that the dashboard shows by default: ids and what an operator sorts by. A list of
// what may be shown rather than of what may not, so that a key which someone adds to a payload next year stays hidden until it is
// put here.
var ShownKeys = []string{
	"v", "id", "ids", "nip", "tenant", "kind", "lane", "package", "session", "part", "count", "revision", "state", "attempt", "code", "deadline",
}

// maxShown is longer than any id, and shorter than any invoice.
const maxShown = 128

// idsOnly renders a payload as JSON with the values of the keys in show, and only when they are short scalars or lists of such.
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
		if !slices.Contains(show, key) || len(fields[key]) > 16*maxShown || json.Unmarshal(fields[key], &value) != nil || !harmless(value) {
			// The name of an unknown key isn't shown either: it is as free a text as its value.
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

// harmless is true for numbers, truth values, short strings without markup or addresses, and flat lists of these.
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
