package invoice

import "unicode/utf8"

// excerptBytes is how many bytes of the document a syntax error shows. They are enough to find the
// position in an editor, and too few to leak an invoice.
const excerptBytes = 24

// fault reports a broken rule. at is the byte offset of the fault. The field of the error is the
// innermost open element, because a person has to look there; outside the root element it is
// DocumentField.
func (s *source) fault(at int, rule, value, hint string) *FieldError {
	e := &FieldError{Field: DocumentField, Rule: rule, Value: value, Hint: hint}
	if n := len(s.open); n > 0 {
		e.Field = shorten(string(s.bytes(s.open[n-1].name)))
	}
	return s.mark.locate(s.data, at).apply(e.bound())
}

// truncated reports that the document ends inside an element.
func (s *source) truncated() *FieldError {
	value := ""
	if n := len(s.open); n > 0 {
		value = "<" + string(s.bytes(s.open[n-1].name)) + ">"
	}
	return s.fault(len(s.data), "must not end before its root element is closed", value, "the file is cut off: export it again")
}

// instruction refuses <?… because KSeF accepts no processing instructions, and an XML declaration
// is allowed only at the beginning.
func (s *source) instruction() *FieldError {
	if target := s.data[s.pos+2:]; len(target) > 3 && string(target[:3]) == "xml" && isSpace(target[3]) {
		return s.fault(s.pos, "must have its XML declaration at the very beginning, once", "<?xml",
			"remove everything before <?xml")
	}
	return s.fault(s.pos, "must not carry a processing instruction", s.excerpt(s.pos), "KSeF accepts none: remove it")
}

func (s *source) textOutside() *FieldError {
	if !s.rootSeen {
		return s.fault(s.pos, "must be an XML document", s.excerpt(s.pos), guess(s.data[s.pos:]))
	}
	return s.fault(s.pos, "must not have text outside its root element", s.excerpt(s.pos), "")
}

// badChar reports a byte or character that is not allowed at its position.
func (s *source) badChar(at int, rule string) *FieldError {
	if rule == ruleUTF8 {
		return s.fault(at, rule, s.excerptN(at, 1),
			"the file is in another encoding, perhaps Windows-1250 or ISO-8859-2: export it as UTF-8")
	}
	r, _ := utf8.DecodeRune(s.data[at:])
	const hex = "0123456789ABCDEF"
	name := []byte("U+")
	started := false
	for shift := 20; shift >= 0; shift -= 4 {
		digit := r >> shift & 0xF
		if started = started || digit != 0 || shift < 16; started {
			name = append(name, hex[digit])
		}
	}
	return s.fault(at, rule, string(name), "remove the character; it is often pasted in by accident")
}

// oddChar refuses a character that breaks a rule, or records it where such characters are accepted.
func (s *source) oddChar(at int, rule string) *FieldError {
	if s.noted(rule) {
		return nil
	}
	if err := s.badChar(at, rule); !s.note(rule, err) {
		return err
	}
	return nil
}

// noted reports whether a character of this kind is accepted and an earlier one is already
// recorded. Computing the position of each of thousands of such characters would take time
// quadratic in the document's size.
func (s *source) noted(rule string) bool {
	return s.discouraged != nil && rule == ruleDiscouraged
}

// note records the first discouraged character if such characters are accepted. It reports whether
// they are accepted.
func (s *source) note(rule string, err *FieldError) bool {
	if !s.lenient || rule != ruleDiscouraged {
		return false
	}
	if s.discouraged == nil {
		s.discouraged = err
	}
	return true
}

// excerpt returns the text that begins at a byte offset. It is cut at the end of the line, or after
// excerptBytes.
func (s *source) excerpt(at int) string { return s.excerptN(at, excerptBytes) }

func (s *source) excerptN(at, n int) string {
	to := at
	for to < len(s.data) && to < at+n && s.data[to] != '\n' && s.data[to] != '\r' {
		to++
	}
	for to < len(s.data) && to > at+1 && !utf8.RuneStart(s.data[to]) {
		to--
	}
	return string(s.data[at:to])
}
