package xades

import "strings"

// EscapeText returns s as canonical XML writes it between two tags. s may contain only characters
// that XML 1.0 allows; see [Valid].
func EscapeText(s string) string { return text.Replace(s) }

var text = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "&#xD;")

// Valid reports whether s consists of characters that an XML 1.0 document may have. Other
// characters have no escape, so a document with one of them cannot be written.
func Valid(s string) bool {
	for i, r := range s {
		switch {
		case r == '\t', r == '\n', r == '\r':
		case r < 0x20, r == 0xFFFE, r == 0xFFFF:
			return false
		case r == 0xFFFD && !strings.HasPrefix(s[i:], "\uFFFD"): // not UTF-8
			return false
		}
	}
	return true
}
