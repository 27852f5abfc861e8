package invoice

import (
	"bytes"
	"unicode/utf8"
)

// maxReference bounds the search for the semicolon. It is generous because leading zeros are legal.
const maxReference = 64

// reference reads &name; or &#…; at offset i and returns the character and the length in bytes. It
// knows only the five names of XML, because other names need a DTD, which is refused.
func (s *source) reference(i int) (rune, int, *FieldError) {
	window := s.data[i:min(i+maxReference, len(s.data))]
	end := bytes.IndexByte(window, ';')
	if end < 0 {
		if len(window) < maxReference && !bytes.ContainsAny(window, "<> \t\r\n\"'") {
			return 0, 0, s.truncated()
		}
		return 0, 0, s.fault(i, "must write & as &amp;", s.excerpt(i), "")
	}
	body := window[1:end]
	switch string(body) {
	case "amp":
		return '&', end + 1, nil
	case "lt":
		return '<', end + 1, nil
	case "gt":
		return '>', end + 1, nil
	case "apos":
		return '\'', end + 1, nil
	case "quot":
		return '"', end + 1, nil
	}
	if len(body) == 0 || body[0] != '#' {
		for j, c := range body {
			if c < 0x80 && (!nameBytes[c] && c != ':' || j == 0 && !nameStart(c)) {
				return 0, 0, s.fault(i, "must write & as &amp;", s.excerpt(i), "")
			}
		}
		if len(body) == 0 || !utf8.Valid(body) {
			return 0, 0, s.fault(i, "must write & as &amp;", s.excerpt(i), "")
		}
		return 0, 0, s.fault(i, "must not use an entity that XML does not define", string(window[:end+1]),
			"only &amp; &lt; &gt; &apos; &quot; exist; write the character itself")
	}
	r, ok := charNumber(body[1:])
	if !ok {
		return 0, 0, s.fault(i, "must be well-formed: a character reference is &#digits; or &#xhex;", s.excerpt(i), "")
	}
	if rule := charRule(r); rule != "" && !s.noted(rule) {
		if err := s.fault(i, rule, string(window[:end+1]), ""); !s.note(rule, err) {
			return 0, 0, err
		}
	}
	return r, end + 1, nil
}

// charNumber reads the digits of a character reference. Every number beyond Unicode is returned as
// utf8.MaxRune+1. The result is false when the digits are not a number.
func charNumber(digits []byte) (rune, bool) {
	base := rune(10)
	if len(digits) > 0 && digits[0] == 'x' {
		base, digits = 16, digits[1:]
	}
	var r rune
	for _, c := range digits {
		var v rune
		switch {
		case c >= '0' && c <= '9':
			v = rune(c - '0')
		case base == 16 && c|0x20 >= 'a' && c|0x20 <= 'f':
			v = rune(c|0x20-'a') + 10
		default:
			return 0, false
		}
		if r = r*base + v; r > utf8.MaxRune {
			r = utf8.MaxRune + 1
		}
	}
	return r, len(digits) > 0
}

// decode appends to dst the text of a span that the scanner has accepted. It replaces references,
// and reads line ends as XML does.
func (s *source) decode(dst []byte, p span) []byte {
	for i := p.from; i < p.to; {
		n := bytes.IndexByte(s.data[i:p.to], '&')
		if n < 0 {
			return appendLines(dst, s.data[i:p.to])
		}
		dst = appendLines(dst, s.data[i:i+n])
		i += n
		r, length, err := s.reference(i)
		if err != nil {
			return dst // impossible: the scanner has already accepted this text
		}
		dst = utf8.AppendRune(dst, r)
		i += length
	}
	return dst
}

// appendLines appends text with its line ends as XML reads them: \r\n and \r become \n. A reference
// to \r stays \r.
func appendLines(dst, text []byte) []byte {
	for {
		n := bytes.IndexByte(text, '\r')
		if n < 0 {
			return append(dst, text...)
		}
		dst = append(append(dst, text[:n]...), '\n')
		if text = text[n+1:]; len(text) > 0 && text[0] == '\n' {
			text = text[1:]
		}
	}
}

// appendValue appends an attribute's value as XML 1.0 normalises it. Tabs and line ends become
// spaces unless they were written as references.
func (s *source) appendValue(dst []byte, p span) []byte {
	for i := p.from; i < p.to; {
		switch b := s.data[i]; b {
		case '&':
			r, n, err := s.reference(i)
			if err != nil {
				return dst // impossible: the scanner has already accepted this value
			}
			dst = utf8.AppendRune(dst, r)
			i += n
			continue
		case '\r':
			if i+1 < p.to && s.data[i+1] == '\n' {
				break // \r\n is one line end
			}
			dst = append(dst, ' ')
		case '\t', '\n':
			dst = append(dst, ' ')
		default:
			dst = append(dst, b)
		}
		i++
	}
	return dst
}
