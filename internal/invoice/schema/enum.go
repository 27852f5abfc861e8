package schema

import (
	"strconv"
	"strings"
	"unicode"
)

// fewValues is how many allowed values a rule lists. When the list is longer, the hint names the
// allowed values that are nearest to the value found.
const fewValues = 20

// enumRule lists the allowed values when there are few. text is not one of them.
func (v *Value) enumRule(text []byte) (rule, hint string) {
	switch n := len(v.Enum); {
	case n == 1:
		return "must be " + v.Enum[0], ""
	case n <= fewValues:
		rule = "must be " + strings.Join(v.Enum[:n-1], ", ") + " or " + v.Enum[n-1]
	case v.Name.Local != "":
		rule = "must be one of the " + strconv.Itoa(n) + " values of the schema's type " + v.Name.Local
	default:
		rule = "must be one of the " + strconv.Itoa(n) + " values of the schema"
	}
	return rule, v.enumHint(cut(text))
}

// enumHint says which of the allowed values was probably meant, or, for a long list, what its
// values look like. It returns "" when the rule says enough.
func (v *Value) enumHint(text string) string {
	for _, e := range v.Enum {
		if strings.EqualFold(e, text) {
			return "write " + e + ": capital and small letters are not the same here"
		}
	}
	if meant := onlyOne(v.Enum, func(e string) bool { return bare(e) == bare(text) && bare(text) != "" }); meant != "" {
		return "write it like " + meant
	}
	if len(v.Enum) <= fewValues {
		return ""
	}
	if near := v.near(strings.ToUpper(strings.TrimSpace(text))); len(near) > 0 {
		return "the nearest in spelling: " + strings.Join(near, ", ")
	}
	for _, two := range [][2]string{{"PLN", "EUR"}, {"PL", "DE"}} { // of currencies and of countries
		if v.has([]byte(two[0])) && v.has([]byte(two[1])) {
			return "two of them: " + two[0] + " and " + two[1]
		}
	}
	return ""
}

// onlyOne returns the text for which is(text) is true. It returns "" when there is no such text, or
// more than one.
func onlyOne(texts []string, is func(string) bool) (one string) {
	for _, text := range texts {
		if is(text) && one != "" {
			return ""
		} else if is(text) {
			one = text
		}
	}
	return one
}

// bare returns the letters and digits of a text in lower case, without zeros at the beginning of
// its number. It returns the same for two spellings of one value, such as 0 KR and 0kr, 23 and 23%,
// or GTU_01 and GTU 1.
func bare(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, text)
	digits := strings.TrimLeftFunc(text, unicode.IsLetter)
	return text[:len(text)-len(digits)] + strings.TrimLeft(digits, "0")
}

// near returns at most five of the allowed values that differ from text by one slip. The values
// that begin like text come first.
func (v *Value) near(text string) []string {
	const most = 5
	var near, others []string
	for _, e := range v.Enum {
		switch {
		case !oneSlip(e, text):
		case e[0] == text[0]:
			near = append(near, e)
		default:
			others = append(others, e)
		}
	}
	near = append(near, others...)
	return near[:min(len(near), most)]
}

// oneSlip reports whether one character of a text is wrong, missing or too many, or two neighbours
// are swapped. It returns false for a text of one character, because one slip would make it any
// other such text.
func oneSlip(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(a) < 2 || len(b)-len(a) > 1 {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	if len(a) < len(b) {
		return a[i:] == b[i+1:]
	}
	if i == len(a) || a[i+1:] == b[i+1:] {
		return true
	}
	return i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
}
