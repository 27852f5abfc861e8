package invoice

import (
	"strings"
	"unicode"
)

// ValidNIP reports whether s is a NIP, the Polish tax number. A NIP has ten ASCII digits in the
// form that KSeF's XSD allows. The last digit is the weighted sum (6 5 7 2 3 4 5 6 7) of the others
// modulo 11. No NIP has the remainder 10, which is not a digit.
func ValidNIP(s string) bool {
	if !nipShape(s) {
		return false
	}
	const weights = "\x06\x05\x07\x02\x03\x04\x05\x06\x07"
	sum := 0
	for i := range len(weights) {
		sum += int(weights[i]) * int(s[i]-'0')
	}
	return sum%11 == int(s[9]-'0')
}

// nipShape reports whether s matches the pattern of the XSD, [1-9]((\d[1-9])|([1-9]\d))\d{7}. It
// does not check the check digit.
func nipShape(s string) bool {
	if len(s) != 10 {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s[0] != '0' && (s[1] != '0' || s[2] != '0')
}

const (
	ruleNIPShape = "must be a NIP of ten digits"
	ruleNIPZeros = "must be a NIP: its first digit is not 0, and the next two are not both 0"
	ruleNIPDigit = "must have a correct check digit"
	mistypedHint = "look for a mistyped digit"
	foreignHint  = "identify a party without a Polish NIP by NrVatUE, NrID or BrakID"
)

// nipRule returns the rule of nipShape that s breaks, and how to fix it. The hint is other, unless
// s is ten digits with PL, spaces, hyphens or dots around or between them.
func nipRule(s, other string) (rule, hint string) {
	switch digits := onlyNIP(s); {
	case digits == s && s != "":
		return ruleNIPZeros, other
	case len(digits) == 10:
		return ruleNIPShape, "write the ten digits alone, without PL, spaces or hyphens"
	}
	return ruleNIPShape, other
}

// onlyNIP returns the digits of a NIP that is written with PL, blanks, hyphens or dots, and "" for
// any other text. Ten digits stay as they are.
func onlyNIP(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == '-' || r == '.' || r >= '\u2010' && r <= '\u2015' || unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s)
	if len(s) == 12 && strings.EqualFold(s[:2], "PL") {
		s = s[2:]
	}
	if len(s) != 10 || strings.Trim(s, "0123456789") != "" {
		return ""
	}
	return s
}
