package invoice

import "bytes"

// scanner checks that a document is well-formed XML 1.0 with namespaces and hands out its elements and texts, one next at a time. It reads the bytes
// once, builds nothing, and in a sound document allocates nothing.
//
// Why not encoding/xml: it is slow and lenient at once. An invoice of 8,000 bytes on one core of the machine on which this was written (November 2026,
// Go 1.26.8; BenchmarkParse and BenchmarkEncodingXML repeat it):
//
//	this scanner, header, Check and SHA-256   17 µs  467 MB/s  58,000 invoices/s      3 allocations
//	  of which SHA-256                       4.4 µs 1807 MB/s
//	encoding/xml, RawToken, nothing kept     148 µs   54 MB/s   6,800 invoices/s  1,468 allocations
//
// and encoding/xml lets pass what KSeF refuses: DOCTYPE, processing instructions, duplicate attributes, undeclared prefixes, two
// roots. The differential tests hold this scanner to refuse whatever encoding/xml or xmllint refuses, and to refuse nothing else but by a rule of KSeF.
type scanner struct {
	data []byte
	pos  int
	mark mark

	open     []element // the open elements, outermost first
	bindings []binding // the namespace declarations in force
	attrs    []attribute
	nextID   nsID
	rootSeen bool
	closing  bool // an empty element <a/> was handed out; its end comes next

	defaultNS nsID // of elements without a prefix

	lenient     bool        // discouraged characters are noted, not refused
	discouraged *FieldError // the first of them

	// What the last token was.
	name     span // start: the local name
	ns       nsID // start: the element's namespace
	text     span // text: the raw characters
	textRefs bool // text: has references to decode
	tokenAt  int  // offset of the token's first byte
}

// token is what next found.
type token uint8

const (
	tokenEOF token = iota
	tokenStart
	tokenEnd
	tokenText
)

// span is a piece of the document, from inclusive, to exclusive.
type span struct{ from, to int }

func (s *scanner) bytes(p span) []byte { return s.data[p.from:p.to] }

// element is an open element: its name as written, for the end tag, and which declarations were in force outside it.
type element struct {
	name      span
	bindings  int
	defaultNS nsID
}

// Bounds that no honest invoice meets. They keep hostile documents from costing more than time linear in their size.
const (
	maxDepth      = 256 // FA(3) needs 8
	maxAttributes = 64  // FA(3) needs 2 beside declarations
	maxBindings   = 256
)

// next returns the next token. Comments are checked and passed over.
func (s *scanner) next() (token, *FieldError) {
	if s.closing {
		s.closing = false
		return s.pop()
	}
	for {
		if len(s.open) == 0 {
			return s.outside()
		}
		if s.pos >= len(s.data) {
			return tokenEOF, s.truncated()
		}
		if s.data[s.pos] != '<' {
			return s.scanText()
		}
		switch s.peek(1) {
		case '/':
			return s.scanEnd()
		case '!':
			if bytes.HasPrefix(s.data[s.pos:], cdataStart) {
				return s.scanCDATA()
			}
			if err := s.scanComment(); err != nil {
				return tokenEOF, err
			}
		case '?':
			return tokenEOF, s.instruction()
		default:
			return s.scanStart()
		}
	}
}

// outside reads what may stand before and after the root: white space and comments.
func (s *scanner) outside() (token, *FieldError) {
	for s.pos < len(s.data) {
		c := s.data[s.pos]
		switch {
		case isSpace(c):
			s.pos++
		case c != '<':
			return tokenEOF, s.textOutside()
		case s.peek(1) == '!':
			if err := s.scanComment(); err != nil {
				return tokenEOF, err
			}
		case s.peek(1) == '?':
			return tokenEOF, s.instruction()
		case s.rootSeen:
			return tokenEOF, s.fault(s.pos, "must have one root element", s.excerpt(s.pos), "one file is one invoice")
		default:
			s.rootSeen = true
			return s.scanStart()
		}
	}
	if !s.rootSeen {
		return tokenEOF, s.truncated()
	}
	return tokenEOF, nil
}

// scanText reads characters up to the next tag.
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
				return tokenEOF, s.fault(i, "must not hold ]]> in text", "]]>", "write ]]&gt;")
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

// scanCDATA hands a CDATA section out as text without references.
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

// scanComment passes over a comment; whatever else begins with <! is refused here, the DOCTYPE with the reason.
func (s *scanner) scanComment() *FieldError {
	if !bytes.HasPrefix(s.data[s.pos:], commentStart) {
		rest := s.data[s.pos:]
		switch {
		case bytes.HasPrefix(rest, []byte("<!DOCTYPE")):
			return s.fault(s.pos, "must not carry a DOCTYPE", "<!DOCTYPE", "KSeF takes no DTD and no entities of one's own: remove it")
		case bytes.HasPrefix(commentStart, rest), bytes.HasPrefix(cdataStart, rest):
			return s.truncated()
		}
		return s.fault(s.pos, "must be well-formed: <! begins a comment or CDATA only", s.excerpt(s.pos), "")
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
		return s.fault(end-len(dashes), "must not hold -- inside a comment", "--", "")
	}
	s.pos = end + 1
	return nil
}

// checkChars checks text in which < & ] mean nothing.
func (s *scanner) checkChars(from, to int) *FieldError {
	for i := from; i < to; {
		switch classes[s.data[i]] {
		case classBad:
			if err := s.oddChar(i, charRule(rune(s.data[i]))); err != nil {
				return err
			}
			i++
		case classWide:
			// Up to the document's end, not to: a character cut by to would be invalid anyway, as what follows is ASCII.
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

func (s *scanner) peek(n int) byte {
	if s.pos+n < len(s.data) {
		return s.data[s.pos+n]
	}
	return 0
}
