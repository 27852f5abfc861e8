package explain

import (
	"regexp"
	"strconv"
	"strings"
)

// ByText returns the entry of space that has a form (see [Entry.Match]) which text matches. If text
// matches forms of several entries, ByText returns the entry with the longest form, not counting
// stars, because that form says the most. It returns false if text matches no form.
func ByText(space Space, text string) (Entry, bool) {
	var best Entry
	most := -1
	for _, e := range load() {
		if e.Space != space {
			continue
		}
		for _, form := range e.Match {
			if n := len(form) - strings.Count(form, "*"); n > most && matches(form, text) {
				best, most = e, n
			}
		}
	}
	return best, most >= 0
}

// matches reports whether text has a form, in which a star stands for any text, even none.
func matches(form, text string) bool {
	parts := strings.Split(form, "*")
	if !strings.HasPrefix(text, parts[0]) {
		return false
	}
	text = text[len(parts[0]):]
	if len(parts) == 1 {
		return text == ""
	}
	for _, middle := range parts[1 : len(parts)-1] {
		at := strings.Index(text, middle)
		if at < 0 {
			return false
		}
		text = text[at+len(middle):]
	}
	return strings.HasSuffix(text, parts[len(parts)-1])
}

var (
	// The codes as ksef.APIError writes them into a text.
	codeInText   = regexp.MustCompile(`\bcode (\d{2,5})\b`)
	statusInText = regexp.MustCompile(`\bHTTP (\d{3})\b`)
	wordInText   = regexp.MustCompile(`\b[a-z]+(?:-[a-z]+)+\b`)
)

// Named returns the entries of the codes in a text that this program wrote, such as "refused, HTTP
// 400, code 21405" or "HTTP 403, missing-permissions". The most specific entry comes first.
func Named(text string) []Entry {
	var found []Entry
	add := func(e Entry, ok bool) {
		for _, f := range found {
			if f.Name() == e.Name() {
				return
			}
		}
		if ok {
			found = append(found, e)
		}
	}
	for _, m := range codeInText.FindAllStringSubmatch(text, -1) {
		add(ofNumber(m[1]))
	}
	for _, word := range wordInText.FindAllString(text, -1) {
		add(Of(Forbidden, word))
	}
	for _, m := range statusInText.FindAllStringSubmatch(text, -1) {
		add(Of(HTTP, m[1]))
	}
	return found
}

// ofNumber returns the entry of a code whose space is not known. A code of the Ministry's API has
// at least four digits. A shorter one is the gateway's own, or the status of an invoice in KSeF.
func ofNumber(code string) (Entry, bool) {
	if n, err := strconv.Atoi(code); err == nil && n >= 1000 {
		return Of(API, code)
	}
	if e, ok := Of(Gateway, code); ok {
		return e, true
	}
	return Of(Invoice, code)
}
