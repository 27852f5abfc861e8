package fa

import (
	"bytes"
	"encoding/xml"
	"slices"
	"unicode/utf8"
)

const declaration = `<?xml version="1.0" encoding="UTF-8"?>`

// plain reads a document that has nothing but elements, attributes in double quotes, text and the
// references of XML itself, such as &amp;. Nearly all invoices are like this, and encoding/xml
// takes several times as long for them. plain returns false for every other document, for example
// if it has comments, CDATA sections, processing instructions, a DTD, numeric references, carriage
// returns or names outside ASCII. It also returns false for a document that is not well-formed. The
// caller then reads the document from the start with encoding/xml, which decides whether to refuse
// the document.
func (r *reader) plain(content []byte) bool {
	if !utf8.Valid(content) {
		return false
	}
	rest, declared := bytes.CutPrefix(content, []byte(declaration))
	if !declared && bytes.HasPrefix(content, []byte("<?")) {
		return false
	}
	for len(rest) > 0 {
		if rest[0] != '<' {
			n := bytes.IndexByte(rest, '<')
			if n < 0 {
				n = len(rest)
			}
			if !r.plainText(rest[:n]) {
				return false
			}
			rest = rest[n:]
			continue
		}
		ok := false
		if len(rest) > 1 && rest[1] == '/' {
			rest, ok = r.plainEnd(rest[2:])
		} else {
			rest, ok = r.plainStart(rest[1:])
		}
		if !ok {
			return false
		}
	}
	return r.finish() == nil
}

// plainEnd reads an end tag after its "</" and returns what follows.
func (r *reader) plainEnd(tag []byte) (rest []byte, ok bool) {
	name, rest, ok := r.plainName(tag)
	if !ok || len(rest) == 0 || rest[0] != '>' || r.end(name) != nil {
		return nil, false
	}
	return rest[1:], true
}

// plainStart reads a start tag after its "<" and returns what follows.
func (r *reader) plainStart(tag []byte) (rest []byte, ok bool) {
	start := xml.StartElement{Attr: r.attrs[:0]}
	if start.Name, rest, ok = r.plainName(tag); !ok {
		return nil, false
	}
	for {
		spaced := bytes.TrimLeft(rest, " \t\n")
		switch {
		case len(spaced) == 0:
			return nil, false
		case spaced[0] == '>':
			return spaced[1:], r.start(start) == nil
		case spaced[0] == '/':
			closed := len(spaced) > 1 && spaced[1] == '>' && r.start(start) == nil && r.end(start.Name) == nil
			return spaced[min(2, len(spaced)):], closed
		case len(spaced) == len(rest):
			return nil, false // no space before an attribute
		}
		var a xml.Attr
		if a, rest, ok = r.plainAttr(spaced); !ok {
			return nil, false
		}
		start.Attr = append(start.Attr, a)
		r.attrs = start.Attr
	}
}

func (r *reader) plainAttr(tag []byte) (a xml.Attr, rest []byte, ok bool) {
	if a.Name, rest, ok = r.plainName(tag); !ok {
		return a, nil, false
	}
	value, quoted := bytes.CutPrefix(rest, []byte(`="`))
	end := bytes.IndexByte(value, '"')
	if !quoted || end < 0 || !isPlain(value[:end]) || bytes.IndexByte(value[:end], '<') >= 0 {
		return a, nil, false
	}
	a.Value = blanks.Replace(string(value[:end]))
	return a, value[end+1:], true
}

// plainName reads a name with at most one colon and returns what follows.
func (r *reader) plainName(tag []byte) (name xml.Name, rest []byte, ok bool) {
	n := nameLength(tag)
	if n == 0 {
		return name, nil, false
	}
	name.Local = r.name(tag[:n])
	if n < len(tag) && tag[n] == ':' {
		tag = tag[n+1:]
		if n = nameLength(tag); n == 0 || n < len(tag) && tag[n] == ':' {
			return name, nil, false
		}
		name.Space, name.Local = name.Local, r.name(tag[:n])
	}
	// A byte outside ASCII, which nameLength does not know, may still be a part of the name.
	if n < len(tag) && tag[n] >= 0x80 {
		return name, nil, false
	}
	return name, tag[n:], true
}

// nameLength returns the number of bytes at the start of text that form a name of ASCII letters,
// digits, "_", "-" and ".".
func nameLength(text []byte) int {
	for i, c := range text {
		switch {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_':
		case i > 0 && (c >= '0' && c <= '9' || c == '-' || c == '.'):
		default:
			return i
		}
	}
	return len(text)
}

// name returns the name as a string. It makes no new string for a name that the schemas have.
func (r *reader) name(text []byte) string {
	if known, is := r.known[string(text)]; is {
		return known
	}
	return string(text)
}

// predefined are the references that XML declares itself.
var predefined = []struct{ reference, text []byte }{
	{[]byte("&amp;"), []byte("&")},
	{[]byte("&lt;"), []byte("<")},
	{[]byte("&gt;"), []byte(">")},
	{[]byte("&quot;"), []byte(`"`)},
	{[]byte("&apos;"), []byte("'")},
}

// plainText reads the text between two tags.
func (r *reader) plainText(text []byte) bool {
	for len(text) > 0 {
		n := bytes.IndexByte(text, '&')
		if n < 0 {
			n = len(text)
		}
		if n > 0 && (!isPlain(text[:n]) || r.text(text[:n]) != nil) {
			return false
		}
		if text = text[n:]; len(text) == 0 {
			break
		}
		i := slices.IndexFunc(predefined, func(p struct{ reference, text []byte }) bool { return bytes.HasPrefix(text, p.reference) })
		if i < 0 || r.text(predefined[i].text) != nil {
			return false
		}
		text = text[len(predefined[i].reference):]
	}
	return true
}

// isPlain reports whether all bytes of text are plain. These bytes need another look: "&", ">" (as
// in "]]>"), control characters except tab and line feed, and 0xEF (the first byte of U+FFFE and
// U+FFFF).
func isPlain(text []byte) bool {
	for _, c := range text {
		if !plainByte[c] {
			return false
		}
	}
	return true
}

var plainByte = func() (plain [256]bool) {
	for c := range plain {
		plain[c] = c >= ' ' && c != '&' && c != '>' && c != 0xEF || c == '\t' || c == '\n'
	}
	return plain
}()
