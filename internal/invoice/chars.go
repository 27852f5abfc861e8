package invoice

import "unicode/utf8"

// class sorts a byte for the loops that run over text: everything but classPlain needs a look.
type class uint8

const (
	classPlain   class = iota
	classMarkup        // < &
	classBracket       // ], which may begin ]]>
	classBad           // controls, and DEL, which KSeF discourages
	classWide          // the start of a character of more than one byte, or a stray continuation
)

// classes is a constant in all but keyword: filled before main, never written again.
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
	ruleIllegalChar = "must not hold a character that XML 1.0 forbids"
	ruleDiscouraged = "must not hold a discouraged Unicode character"
)

// wide checks the character of several bytes at the head of b and returns its length, and the rule
// that it breaks, if any. Two-byte characters come first: Polish letters are all of that kind.
func wide(b []byte) (int, string) {
	if b[0] >= 0xC3 && b[0] <= 0xDF && len(b) > 1 && b[1]&0xC0 == 0x80 {
		return 2, "" // U+00C0 to U+07FF: nothing discouraged among them
	}
	r, n := utf8.DecodeRune(b)
	if r == utf8.RuneError && n <= 1 {
		return 1, ruleUTF8
	}
	return n, charRule(r)
}

// charRule returns the rule that a character breaks, or "". The discouraged ranges are KSeF's (KSeF limits, September 2026): U+007F–U+0084, U+0086–U+009F,
// U+FDD0–U+FDEF and the last two of every supplementary plane. U+0085 and the byte order mark inside text are allowed.
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

// nameStart and nameByte are ASCII's share of XML names; the colon is left out, it separates the prefix.
func nameStart(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_'
}

var nameBytes = func() (t [256]bool) {
	for i := range t {
		c := byte(i)
		t[i] = nameStart(c) || c >= '0' && c <= '9' || c == '-' || c == '.'
	}
	return t
}()

// nameWide returns the length of the letter of several bytes at the head of b that may stand in a name, or 0. Only Latin letters up to U+017E are taken
// (and the middle dot after the start): on those the fourth edition of XML, by which older software reads, and the fifth agree. No KSeF form has a name
// beyond ASCII, so what is lost is a namespace prefix in a foreign script.
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
