package invoice

import "bytes"

// attribute is one attribute, or namespace declaration, of the start tag that is being read.
type attribute struct {
	prefix, local span // prefix is empty when there is none
	value         span
	refs          bool // value has references to decode
	ns            nsID
}

// scanStart reads a start tag or an empty element with its attributes and namespaces, and opens the
// element.
func (s *scanner) scanStart() (token, *FieldError) {
	s.tokenAt = s.pos
	prefix, local, end, err := s.scanName(s.pos+1, "element")
	if err != nil {
		return tokenEOF, err
	}
	if end >= len(s.data) {
		return tokenEOF, s.truncated() // before the element is opened, so that no error has half a name as its field
	}
	full := span{s.pos + 1, end}
	if len(s.open) == maxDepth {
		return tokenEOF, s.fault(s.pos, "must not nest elements deeper than 256", string(s.bytes(full)), "")
	}
	s.open = append(s.open, element{name: full, bindings: len(s.bindings), defaultNS: s.defaultNS})
	s.attrs = s.attrs[:0]

	i, empty := end, false
	for {
		gap := i
		for i < len(s.data) && isSpace(s.data[i]) {
			i++
		}
		if i >= len(s.data) {
			s.pos = i
			return tokenEOF, s.truncated()
		}
		if s.data[i] == '>' {
			i++
			break
		}
		if s.data[i] == '/' {
			if i+1 >= len(s.data) {
				return tokenEOF, s.truncated()
			}
			if s.data[i+1] != '>' {
				return tokenEOF, s.fault(i, "must be well-formed: / in a tag is followed by >", s.excerpt(i), "")
			}
			i, empty = i+2, true
			break
		}
		if gap == i {
			return tokenEOF, s.fault(i, "must have white space before an attribute", s.excerpt(i), "")
		}
		if i, err = s.scanAttribute(i); err != nil {
			return tokenEOF, err
		}
	}
	if len(s.attrs) > 0 {
		if err := s.bind(); err != nil {
			return tokenEOF, err
		}
	}
	if s.ns = s.defaultNS; prefix.from != prefix.to {
		if s.ns, err = s.resolve(prefix); err != nil {
			return tokenEOF, err
		}
	}
	s.name, s.pos, s.closing = local, i, empty
	return tokenStart, nil
}

// scanEnd reads an end tag and closes its element.
func (s *scanner) scanEnd() (token, *FieldError) {
	s.tokenAt = s.pos
	from := s.pos + 2
	want := s.bytes(s.open[len(s.open)-1].name)
	i := from + len(want)
	if i > len(s.data) || !bytes.Equal(s.data[from:i], want) ||
		i < len(s.data) && !isSpace(s.data[i]) && s.data[i] != '>' {
		return tokenEOF, s.mismatch(from, want)
	}
	for i < len(s.data) && isSpace(s.data[i]) {
		i++
	}
	if i >= len(s.data) {
		return tokenEOF, s.truncated()
	}
	if s.data[i] != '>' {
		return tokenEOF, s.fault(i, "must be well-formed: an end tag contains only a name", s.excerpt(i), "")
	}
	s.pos = i + 1
	return s.pop()
}

// mismatch reports an end tag that does not close the innermost element, whose name is want.
func (s *scanner) mismatch(from int, want []byte) *FieldError {
	if bytes.HasPrefix(want, s.data[from:]) {
		return s.truncated()
	}
	if _, _, end, err := s.scanName(from, "element"); err != nil {
		return err
	} else if end >= len(s.data) {
		return s.truncated()
	}
	return s.fault(from-2, "must be closed by </"+string(want)+">", s.excerpt(from-2), "")
}

// pop closes the innermost element and its namespace declarations.
func (s *scanner) pop() (token, *FieldError) {
	last := len(s.open) - 1
	s.bindings, s.defaultNS = s.bindings[:s.open[last].bindings], s.open[last].defaultNS
	s.open = s.open[:last]
	return tokenEnd, nil
}

// scanName reads a qualified name at i. It returns the prefix, the local part, and the offset after
// the name. The argument named what, "element" or "attribute", completes the message of an error.
func (s *scanner) scanName(i int, what string) (prefix, local span, end int, err *FieldError) {
	from := i
	if i, err = s.scanNCName(i, what); err != nil {
		return prefix, local, 0, err
	}
	local = span{from, i}
	if i < len(s.data) && s.data[i] == ':' {
		prefix = local
		from = i + 1
		if i, err = s.scanNCName(from, what); err != nil {
			return prefix, local, 0, err
		}
		local = span{from, i}
		if i < len(s.data) && s.data[i] == ':' {
			return prefix, local, 0, s.fault(i, "must have at most one colon in the name of an "+what,
				s.excerpt(prefix.from), "")
		}
	}
	return prefix, local, i, nil
}

// scanNCName reads a name without colon at i and returns the offset after it. The argument named
// what, "element" or "attribute", completes the message of an error.
func (s *scanner) scanNCName(i int, what string) (int, *FieldError) {
	data, from := s.data, i
	for i < len(data) && nameBytes[data[i]] {
		i++
	}
	if i > from && i < len(data) && data[i] < 0x80 && nameStart(data[from]) {
		return i, nil
	}
	return s.scanOddName(from, what)
}

// scanOddName does what scanNCName does, in the rare cases: the name has characters outside ASCII,
// is missing, or reaches the document's end.
func (s *scanner) scanOddName(i int, what string) (int, *FieldError) {
	from := i
	for i < len(s.data) {
		c := s.data[i]
		if c < 0x80 {
			if !nameBytes[c] || i == from && !nameStart(c) {
				break
			}
			i++
			continue
		}
		n := nameWide(s.data[i:], i == from)
		if n == 0 {
			if _, rule := wide(s.data[i:]); rule != "" {
				return 0, s.badChar(i, rule)
			}
			return 0, s.fault(i, "must have only Latin letters in names", s.excerpt(i), "")
		}
		i += n
	}
	if i == from {
		if i >= len(s.data) {
			return 0, s.truncated()
		}
		return 0, s.fault(i, "must be well-formed: the name of an "+what+" is expected here", s.excerpt(i),
			"write < as &lt; in text")
	}
	return i, nil
}

// scanAttribute reads name="value" at i and returns the offset after it.
func (s *scanner) scanAttribute(i int) (int, *FieldError) {
	prefix, local, end, err := s.scanName(i, "attribute")
	if err != nil {
		return 0, err
	}
	if len(s.attrs) == maxAttributes {
		return 0, s.fault(i, "must not have more than 64 attributes in one element", s.excerpt(i), "")
	}
	eq := s.skipSpace(end)
	if eq >= len(s.data) {
		return 0, s.truncated()
	}
	if s.data[eq] != '=' {
		return 0, s.fault(eq, "must have = and a value after the name of an attribute", s.excerpt(i), "")
	}
	quoteAt := s.skipSpace(eq + 1)
	if quoteAt >= len(s.data) {
		return 0, s.truncated()
	}
	quote := s.data[quoteAt]
	if quote != '"' && quote != '\'' {
		return 0, s.fault(quoteAt, "must have the value of an attribute in quotes", s.excerpt(i), "")
	}
	a := attribute{prefix: prefix, local: local}
	for i = quoteAt + 1; i < len(s.data); {
		c := s.data[i]
		switch {
		case c == quote:
			a.value = span{quoteAt + 1, i}
			s.attrs = append(s.attrs, a)
			return i + 1, nil
		case c == '<':
			return 0, s.fault(i, "must not contain < in the value of an attribute", s.excerpt(i), "write &lt;")
		case c == '&':
			_, n, err := s.reference(i)
			if err != nil {
				return 0, err
			}
			a.refs = true
			i += n
		case classes[c] == classBad:
			if err := s.oddChar(i, charRule(rune(c))); err != nil {
				return 0, err
			}
			i++
		case classes[c] == classWide:
			n, rule := wide(s.data[i:])
			if rule != "" {
				if err := s.oddChar(i, rule); err != nil {
					return 0, err
				}
			}
			i += n
		default:
			i++
		}
	}
	return 0, s.truncated()
}
