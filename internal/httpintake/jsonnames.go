package httpintake

import (
	"bytes"
	"io"
)

// namesFaktura reports whether a body may have an invoice that is JSON. It never misses one.
func (b *body) namesFaktura() bool {
	const overlap = 32 // longer than any text that mayNameFaktura looks for
	part := make([]byte, 64<<10)
	for at := int64(0); at < b.size; at += int64(len(part) - overlap) {
		n, err := b.at.ReadAt(part, at)
		if err != nil && err != io.EOF {
			return true // whoever reads the body meets the error
		}
		if mayNameFaktura(part[:n]) {
			return true
		}
	}
	return false
}

// mayNameFaktura reports whether a text of JSON may have the name "faktura". The decoder ignores
// the case of names, and reads escaped letters, so a text with an escaped letter of ASCII counts. A
// text with an escaped Kelvin sign (U+212A), whose lower case is k, counts too.
func mayNameFaktura(text []byte) bool {
	return beginsFaktura(text, `"f`) || beginsFaktura(text, `"F`) || escapesLetter(text)
}

// beginsFaktura looks at the strings of a text that begin with the given quotation mark and letter,
// and reports whether one of them is "faktura".
func beginsFaktura(text []byte, begin string) bool {
	const longest = len("fa\u212atura")
	for at := 0; ; {
		n := bytes.Index(text[at:], []byte(begin))
		if n < 0 {
			return false
		}
		at += n + 1
		name, _, ends := bytes.Cut(text[at:min(len(text), at+longest+1)], []byte{'"'})
		if ends && bytes.EqualFold(name, []byte("faktura")) {
			return true
		}
	}
}

// escapesLetter reports whether a text has an escape that may stand for a letter of "faktura".
func escapesLetter(text []byte) bool {
	for _, escape := range []string{`\u004`, `\u005`, `\u006`, `\u007`, `\u212a`, `\u212A`} {
		if bytes.Contains(text, []byte(escape)) {
			return true
		}
	}
	return false
}
