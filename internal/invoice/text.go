package invoice

import "bytes"

// scanText reads characters up to the next <.
func (s *scanner) scanText() (token, *FieldError) {
	data, i := s.data, s.pos
	s.text.from, s.textRefs, s.tokenAt = i, false, i
	for {
		for i < len(data) && classes[data[i]] == classPlain {
			i++
		}
		if i >= len(data) {
			s.pos = i
			return tokenEOF, s.truncated()
		}
		switch classes[data[i]] {
		case classMarkup:
			if data[i] == '<' {
				s.text.to, s.pos = i, i
				return tokenText, nil
			}
			_, n, err := s.reference(i)
			if err != nil {
				return tokenEOF, err
			}
			s.textRefs = true
			i += n
		case classBracket:
			if bytes.HasPrefix(data[i:], cdataEnd) {
				return tokenEOF, s.fault(i, "must not contain ]]> in text", "]]>", "write ]]&gt;")
			}
			i++
		case classBad:
			if err := s.oddChar(i, charRule(rune(data[i]))); err != nil {
				return tokenEOF, err
			}
			i++
		default:
			n, rule := wide(data[i:])
			if rule != "" {
				if err := s.oddChar(i, rule); err != nil {
					return tokenEOF, err
				}
			}
			i += n
		}
	}
}

var (
	cdataStart   = []byte("<![CDATA[")
	cdataEnd     = []byte("]]>")
	commentStart = []byte("<!--")
	dashes       = []byte("--")
)

// scanCDATA returns a CDATA section as text without references.
func (s *scanner) scanCDATA() (token, *FieldError) {
	s.tokenAt = s.pos
	from := s.pos + len(cdataStart)
	n := bytes.Index(s.data[from:], cdataEnd)
	if n < 0 {
		return tokenEOF, s.truncated()
	}
	if err := s.checkChars(from, from+n); err != nil {
		return tokenEOF, err
	}
	s.text, s.textRefs = span{from, from + n}, false
	s.pos = from + n + len(cdataEnd)
	return tokenText, nil
}

const htmlDoctype = "<!DOCTYPE html"

// webPage reports whether a text begins like HTML, which is not particular about capitals.
func webPage(text []byte) bool {
	n := len(htmlDoctype)
	return len(text) > n && bytes.EqualFold(text[:n], []byte(htmlDoctype)) && (isSpace(text[n]) || text[n] == '>')
}

// scanComment skips a comment. It refuses everything else that begins with <!; a DOCTYPE gets a
// message of its own.
func (s *scanner) scanComment() *FieldError {
	if !bytes.HasPrefix(s.data[s.pos:], commentStart) {
		rest := s.data[s.pos:]
		switch {
		case webPage(rest):
			return s.fault(s.pos, "must not carry a DOCTYPE", string(rest[:len(htmlDoctype)]), webPageHint)
		case bytes.HasPrefix(rest, []byte("<!DOCTYPE")):
			return s.fault(s.pos, "must not carry a DOCTYPE", "<!DOCTYPE",
				"KSeF accepts no DTD and no custom entities: remove it")
		case bytes.HasPrefix(commentStart, rest), bytes.HasPrefix(cdataStart, rest):
			return s.truncated()
		}
		return s.fault(s.pos, "must be well-formed: only a comment or CDATA begins with <!", s.excerpt(s.pos), "")
	}
	from := s.pos + len(commentStart)
	n := bytes.Index(s.data[from:], dashes)
	if n < 0 {
		return s.truncated()
	}
	end := from + n + len(dashes)
	if err := s.checkChars(from, from+n); err != nil {
		return err
	}
	if end >= len(s.data) {
		return s.truncated()
	}
	if s.data[end] != '>' {
		return s.fault(end-len(dashes), "must not contain -- inside a comment", "--", "")
	}
	s.pos = end + 1
	return nil
}

// checkChars checks the characters of text in which < & ] have no meaning.
func (s *source) checkChars(from, to int) *FieldError {
	for i := from; i < to; {
		switch classes[s.data[i]] {
		case classBad:
			if err := s.oddChar(i, charRule(rune(s.data[i]))); err != nil {
				return err
			}
			i++
		case classWide:
			// The slice goes beyond the offset "to". A character that is cut off at that offset is
			// still found invalid, because the byte there is ASCII.
			n, rule := wide(s.data[i:])
			if rule != "" {
				if err := s.oddChar(i, rule); err != nil {
					return err
				}
			}
			i += n
		default:
			i++
		}
	}
	return nil
}
