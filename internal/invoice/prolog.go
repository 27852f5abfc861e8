package invoice

import (
	"bytes"
	"strings"
)

// prolog checks the beginning of the document. The document must not be empty and must be UTF-8
// without a byte order mark. If it has an XML declaration, that must be correct.
func (s *scanner) prolog() *FieldError {
	switch {
	case len(s.data) == 0:
		return s.fault(0, "must not be empty", "", "the file has no bytes: export it again")
	case bytes.HasPrefix(s.data, []byte("\xEF\xBB\xBF")):
		return s.fault(0, "must not begin with a byte order mark", "UTF-8 byte order mark", "save it as UTF-8 without BOM")
	case bytes.HasPrefix(s.data, []byte("\xFF\xFE")), bytes.HasPrefix(s.data, []byte("\xFE\xFF")),
		bytes.HasPrefix(s.data, []byte("<\x00")), bytes.HasPrefix(s.data, []byte("\x00<")),
		bytes.HasPrefix(s.data, []byte("\x00\x00\xFE\xFF")), bytes.HasPrefix(s.data, []byte("\x00\x00\x00<")):
		return s.fault(0, "must be in UTF-8", "UTF-16 or UTF-32", "export it as UTF-8 without BOM")
	}
	if bytes.HasPrefix(s.data, []byte("<?xml")) && (len(s.data) == 5 || isSpace(s.data[5])) {
		return s.declaration()
	}
	return nil
}

// declaration reads <?xml version="1.0" encoding="UTF-8" standalone="yes"?> by the strict grammar
// of XML: in that order, each part once, version required.
func (s *scanner) declaration() *FieldError {
	s.pos = len("<?xml")
	malformed := func(at int) *FieldError {
		if at >= len(s.data) {
			return s.truncated()
		}
		return s.fault(at, `must have a declaration of the form <?xml version="1.0" encoding="UTF-8"?>`, s.excerpt(at), "")
	}
	const names = "version encoding standalone"
	for rest := names; ; {
		at := s.skipSpace(s.pos)
		if bytes.HasPrefix(s.data[at:], []byte("?>")) {
			if rest == names {
				return malformed(at) // no version
			}
			s.pos = at + 2
			return nil
		}
		if at == s.pos {
			return malformed(at)
		}
		var name string
		for {
			if rest == "" {
				return malformed(at)
			}
			name, rest, _ = strings.Cut(rest, " ")
			if bytes.HasPrefix(s.data[at:], []byte(name)) {
				break
			}
			if name == "version" {
				return malformed(at)
			}
		}
		eq := s.skipSpace(at + len(name))
		if eq >= len(s.data) || s.data[eq] != '=' {
			return malformed(eq)
		}
		from := s.skipSpace(eq + 1)
		if from >= len(s.data) || s.data[from] != '"' && s.data[from] != '\'' {
			return malformed(from)
		}
		n := bytes.IndexByte(s.data[from+1:], s.data[from])
		if n < 0 {
			return malformed(len(s.data))
		}
		value := s.data[from+1 : from+1+n]
		if err := s.pseudoAttribute(name, value, from+1); err != nil {
			return err
		}
		s.pos = from + n + 2
	}
}

// pseudoAttribute checks one part of the declaration. at is the offset of its value.
func (s *scanner) pseudoAttribute(name string, value []byte, at int) *FieldError {
	switch {
	case name == "version" && string(value) != "1.0":
		return s.fault(at, "must be XML 1.0", string(value), `write version="1.0"`)
	case name == "encoding" && !bytes.EqualFold(value, []byte("UTF-8")):
		return s.fault(at, "must name no encoding but UTF-8", string(value),
			"export it as UTF-8; changing the name alone does not convert it")
	case name == "standalone" && string(value) != "yes" && string(value) != "no":
		return s.fault(at, "must have standalone as yes or no", string(value), "")
	}
	return nil
}

const looksLikeJSON = "this looks like JSON: an invoice as JSON is handed in over HTTP, as faktura, " +
	"or as a .json file in a watched folder"

// guess returns a hint for the kinds of file that people most often submit in place of XML, or "".
func guess(data []byte) string {
	for _, kind := range []struct{ magic, hint string }{
		{"%PDF", "this is a PDF"},
		{"PK\x03\x04", "this is a ZIP archive"},
		{"\x1F\x8B", "this is a gzip file"},
		{"{", looksLikeJSON},
		{"[", looksLikeJSON},
	} {
		if bytes.HasPrefix(data, []byte(kind.magic)) {
			return kind.hint
		}
	}
	return ""
}
