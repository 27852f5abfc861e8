package invoice

import "unicode/utf8"

// class says what the loops over text must do with a byte. Every class but classPlain needs a
// closer check.
type class uint8

const (
	classPlain   class = iota
	classMarkup        // < &
	classBracket       // ] may begin ]]>
	classBad           // control characters, which XML forbids, and DEL, which KSeF discourages
	classWide          // the first byte of a multi-byte character, or a misplaced continuation byte
)

// classes is computed before main and never changed afterwards.
var classes = func() (t [256]class) {
	for i := range t {
		switch {
		case i == '\t', i == '\n', i == '\r':
			t[i] = classPlain
		case i < 0x20, i == 0x7F:
			t[i] = classBad
		case i >= 0x80:
			t[i] = classWide
		}
	}
	t['<'], t['&'], t[']'] = classMarkup, classMarkup, classBracket
	return t
}()

// Rules about characters.
const (
	ruleUTF8        = "must be valid UTF-8"
	ruleIllegalChar = "must not contain a character that XML 1.0 forbids"
	ruleDiscouraged = "must not contain a discouraged Unicode character"
)

// wide checks the multi-byte character at the start of b. It returns the length in bytes and the
// rule that the character breaks, or "". Two-byte characters come first because all Polish letters
// outside ASCII have two bytes.
func wide(b []byte) (int, string) {
	if b[0] >= 0xC3 && b[0] <= 0xDF && len(b) > 1 && b[1]&0xC0 == 0x80 {
		return 2, "" // U+00C0 to U+07FF: none of these is discouraged
	}
	r, n := utf8.DecodeRune(b)
	if r == utf8.RuneError && n <= 1 {
		return 1, ruleUTF8
	}
	return n, charRule(r)
}

// charRule returns the rule that a character breaks, or "". KSeF discourages U+007F–U+0084,
// U+0086–U+009F, U+FDD0–U+FDEF and the last two characters of every supplementary plane (KSeF
// limits, September 2026). It allows U+0085, and the byte order mark inside text.
func charRule(r rune) string {
	switch {
	case r == '\t', r == '\n', r == '\r', r >= 0x20 && r < 0x7F:
		return ""
	case r < 0x20, r >= 0xD800 && r <= 0xDFFF, r == 0xFFFE, r == 0xFFFF, r > utf8.MaxRune:
		return ruleIllegalChar
	case r <= 0x9F && r != 0x85, r >= 0xFDD0 && r <= 0xFDEF, r > 0xFFFF && r&0xFFFE == 0xFFFE:
		return ruleDiscouraged
	}
	return ""
}

// nameStart reports whether an ASCII byte may begin an XML name. The colon is left out because it
// separates the prefix.
func nameStart(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_'
}

// nameBytes holds the ASCII bytes that an XML name may contain, again without the colon.
var nameBytes = func() (t [256]bool) {
	for i := range t {
		c := byte(i)
		t[i] = nameStart(c) || c >= '0' && c <= '9' || c == '-' || c == '.'
	}
	return t
}()

// nameWide returns the length of the multi-byte letter at the start of b if a name may contain it,
// otherwise 0. It accepts only Latin letters up to U+017E, and the middle dot after the first
// character. For these the fifth edition of XML agrees with the fourth, which older software
// follows. All names in KSeF forms are ASCII, so the only names refused without need are namespace
// prefixes in other scripts.
func nameWide(b []byte, start bool) int {
	r, n := utf8.DecodeRune(b)
	switch {
	case r == 0xB7:
		if start {
			return 0
		}
	case r < 0xC0, r == 0xD7, r == 0xF7, r == 0x132, r == 0x133, r == 0x13F, r == 0x140, r == 0x149, r > 0x17E:
		return 0
	}
	return n
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }
