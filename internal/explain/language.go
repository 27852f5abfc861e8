package explain

import (
	"strconv"
	"strings"
)

// Language is a language of the words.
type Language string

// The languages.
const (
	Polish  Language = "pl"
	English Language = "en"
)

// Preferred returns the language that the header Accept-Language prefers. The language is Polish
// when Polish has a higher weight than English, or has the same weight and stands first. Otherwise
// it is English.
func Preferred(acceptLanguage string) Language {
	best, found := 0.0, English
	for part := range strings.SplitSeq(acceptLanguage, ",") {
		tag, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		weight := 1.0
		if q, ok := strings.CutPrefix(strings.TrimSpace(params), "q="); ok {
			var err error
			if weight, err = strconv.ParseFloat(q, 64); err != nil {
				continue
			}
		}
		primary, _, _ := strings.Cut(strings.ToLower(tag), "-")
		if l := Language(primary); (l == Polish || l == English) && weight > best {
			best, found = weight, l
		}
	}
	return found
}
