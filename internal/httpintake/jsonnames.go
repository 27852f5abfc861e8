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
// the case of names, and reads escaped letters, so a text with an escaped letter of ASCII counts.
// So does one with an escaped Kelvin sign (U+212A), whose lower case is k.
func mayNameFaktura(text []byte) bool {
	const longest = len("fa\u212atura")
	for rest, found := after(text, '"'); found; rest, found = after(rest, '"') {
		name, _, ends := bytes.Cut(rest[:min(len(rest), longest+1)], []byte{'"'})
		if ends && bytes.EqualFold(name, []byte("faktura")) {
			return true
		}
	}
	for rest, found := after(text, '\\'); found; rest, found = after(rest, '\\') {
		code := rest[:min(len(rest), len("u212a"))]
		if len(code) == 5 && string(code[:3]) == "u00" && '4' <= code[3] && code[3] <= '7' ||
			bytes.EqualFold(code, []byte("u212a")) {
			return true
		}
	}
	return false
}

// after returns what follows the first byte c of a text.
func after(text []byte, c byte) (rest []byte, found bool) {
	n := bytes.IndexByte(text, c)
	return text[n+1:], n >= 0
}
