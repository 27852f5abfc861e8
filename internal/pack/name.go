package pack

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const maxNameLength = 255 // bytes; the limit of common file systems

// checkName returns the reason why a name is refused, or "". KSeF says only that names must be
// flat. checkName also refuses what the strictest unpackers refuse: names that some system takes
// for a path or a drive, and characters that some system forbids in file names.
func checkName(name string) string {
	switch {
	case name == "":
		return "empty"
	case len(name) > maxNameLength:
		return "longer than 255 bytes"
	case !utf8.ValidString(name):
		return "not UTF-8"
	case strings.ContainsAny(name, `/\`):
		return "has a path separator"
	case strings.Contains(name, ".."):
		return `has ".."`
	case strings.ContainsAny(name, `:*?"<>|`):
		return "has a character that file names cannot have"
	case name == "." || strings.HasSuffix(name, ".") || strings.TrimSpace(name) != name:
		return "begins or ends with a space, or ends with a dot"
	}
	for _, r := range name {
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) {
			return "has a control character"
		}
	}
	return ""
}

// names holds the names in use. Names that differ only in case are the same file on many disks.
type names map[string]struct{}

func (n names) add(name string) (reason string) {
	if reason := checkName(name); reason != "" {
		return reason
	}
	folded := strings.ToLower(name)
	if _, ok := n[folded]; ok {
		return "used before"
	}
	n[folded] = struct{}{}
	return ""
}
