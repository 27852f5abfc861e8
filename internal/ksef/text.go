package ksef

import (
	"regexp"
	"strings"
	"unicode"
)

var (
	// markup matches to the end of the text, because more of the invoice may follow the first tag.
	markup  = regexp.MustCompile(`(?s)<[A-Za-z/?!].*`)
	longRun = regexp.MustCompile(`[A-Za-z0-9+/_=-]{64,}`)
)

// Printable returns a text of the other side in a form that may stand in a log line. The errors of
// this package use the same form.
func Printable(s string) string { return printable(s) }

// printable returns a text of the other side in a form that may stand in a log. The result is one
// short line. Markup, which may be a piece of the invoice, and long Base64 are replaced.
func printable(s string) string {
	s = markup.ReplaceAllString(s, "[markup]")
	s = longRun.ReplaceAllString(s, "[data]")
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
	return Clip(s, 400)
}

// Clip returns s as valid UTF-8, cut to at most limit bytes. It cuts before a rune and marks the
// cut with "…". The mark is not counted in limit.
func Clip(s string, limit int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= limit {
		return s
	}
	for limit > 0 && s[limit]&0xC0 == 0x80 {
		limit--
	}
	return s[:limit] + "…"
}
