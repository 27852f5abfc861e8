package fa

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// XML has rules that encoding/xml does not enforce. KSeF's parser enforces them, and so does
// xmllint. These functions look at a part of the document as it is written.

// declarationForm is the form of a declaration. The rest of it is checked by encoding/xml.
var declarationForm = regexp.MustCompile(`^<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*` + quoted(`1\.[0-9]+`) +
	`(?:[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*` + quoted(`[A-Za-z][A-Za-z0-9._-]*`) + `)?` +
	`(?:[ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*` + quoted(`(?:yes|no)`) + `)?[ \t\r\n]*\?>$`)

func quoted(form string) string { return `(?:"` + form + `"|'` + form + `')` }

// strictDeclaration checks a declaration that begins at an offset.
func strictDeclaration(written []byte, at int64) error {
	switch {
	case at != 0:
		return errors.New("a declaration that is not at the start")
	case !declarationForm.Match(written):
		return fmt.Errorf("the declaration %.60q", written)
	}
	return nil
}

// attributeForm is what follows the name of an attribute.
var attributeForm = regexp.MustCompile(`[ \t\r\n]*=[ \t\r\n]*(?:"[^"]*"|'[^']*')`)

// strictTag checks a start tag and returns it with the values of its attributes as XML normalizes
// them. Each attribute must have white space before it, and references must be to characters of
// XML.
func strictTag(t xml.StartElement, written []byte) (xml.StartElement, error) {
	for _, at := range attributeForm.FindAllIndex(written, -1) {
		if c := written[min(at[1], len(written)-1)]; !isSpace(rune(c)) && c != '>' && c != '/' {
			return t, errors.New("no space between two attributes")
		}
	}
	if err := strictReferences(written); err != nil {
		return t, err
	}
	t, err := normalized(t, written)
	if err != nil {
		return t, err
	}
	if err := strictName(t.Name); err != nil {
		return t, err
	}
	for _, a := range t.Attr {
		if err := strictName(a.Name); err != nil {
			return t, err
		}
	}
	return t, nil
}

// blanks turns white space into blanks, as XML does in the value of an attribute.
var blanks = strings.NewReplacer("\r\n", " ", "\t", " ", "\n", " ", "\r", " ")

// normalized returns a start tag with white space in the values of its attributes turned into
// blanks. White space that is written as a reference, such as &#9;, stays what it is. So the blanks
// are put into the tag as it is written, and the tag is read again.
func normalized(t xml.StartElement, written []byte) (xml.StartElement, error) {
	for _, a := range t.Attr {
		if !strings.ContainsAny(a.Value, "\t\r\n") {
			continue
		}
		again, err := xml.NewDecoder(strings.NewReader(blanks.Replace(string(written)))).RawToken()
		if start, is := again.(xml.StartElement); is && err == nil {
			return start, nil
		}
		return t, fmt.Errorf("the tag %.60q", written)
	}
	return t, nil
}

// strictName checks a name that encoding/xml has split at its colon. encoding/xml does not split a
// name at a colon that is the first or last character of the name. It lets the part after a colon
// begin with any character that a name may have.
func strictName(n xml.Name) error {
	first, _ := utf8.DecodeRuneInString(n.Local)
	if strings.Contains(n.Local, ":") || first != '_' && !unicode.IsLetter(first) && !unicode.Is(unicode.Nl, first) {
		return fmt.Errorf("the name %.60q after the prefix %.60q", n.Local, n.Space)
	}
	return nil
}

// strictComment checks the characters of a comment, at which encoding/xml does not look.
func strictComment(text []byte) error {
	for _, c := range string(text) {
		if c < ' ' && !isSpace(c) || c == '\uFFFE' || c == '\uFFFF' {
			return fmt.Errorf("the character %U in a comment", c)
		}
	}
	return nil
}

// characters reads text or a CDATA section. A CDATA section is text even if it is blank or empty,
// so the schema does not allow it between elements.
func (r *reader) characters(t, written []byte) error {
	if !bytes.HasPrefix(written, []byte("<![CDATA[")) {
		if err := strictReferences(written); err != nil {
			return err
		}
		if len(r.stack) == 0 {
			return r.text(written) // white space by reference is not allowed there
		}
		return r.text(t)
	}
	if len(r.stack) == 0 {
		return errors.New("a CDATA section outside the root element")
	}
	if top := &r.stack[len(r.stack)-1]; top.content != nil && top.content.text == nil {
		r.d.breach(top.depth, "has a CDATA section between its elements")
	}
	return r.text(t)
}

var referenceForm = regexp.MustCompile(`&#(x?)([0-9a-fA-F]+);`)

// strictReferences checks that the numeric references in a part of a document name characters of
// XML. encoding/xml does not check this fully: a reference to half of a surrogate pair is read as
// U+FFFD.
func strictReferences(written []byte) error {
	if !bytes.Contains(written, []byte("&#")) {
		return nil
	}
	for _, m := range referenceForm.FindAllSubmatch(written, -1) {
		base := 10
		if len(m[1]) > 0 {
			base = 16
		}
		n, err := strconv.ParseUint(string(m[2]), base, 32)
		if err != nil || n > utf8.MaxRune || !utf8.ValidRune(rune(n)) {
			return fmt.Errorf("the reference %.20s is to no character", m[0])
		}
	}
	return nil
}
