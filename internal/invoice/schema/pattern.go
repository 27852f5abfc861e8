package schema

import "unicode/utf8"

// match reports whether the whole text matches. It reads each byte once.
func (p *Pattern) match(text []byte) bool {
	state := 0
	for i := 0; i < len(text); {
		var class uint8
		if c := text[i]; c < utf8.RuneSelf {
			class = p.ASCII[c]
			i++
		} else {
			r, n := utf8.DecodeRune(text[i:])
			class = p.class(r)
			i += n
		}
		next := p.Next[state*p.Classes+int(class)]
		if next == 0 {
			return false
		}
		state = int(next) - 1
	}
	return p.Final[state] == '1'
}

// class finds the class of a character that is not ASCII.
func (p *Pattern) class(r rune) uint8 {
	low, high := 0, len(p.Wide)
	for low < high {
		middle := (low + high) / 2
		switch w := &p.Wide[middle]; {
		case r < w.From:
			high = middle
		case r > w.To:
			low = middle + 1
		default:
			return w.Class
		}
	}
	return p.Other
}
