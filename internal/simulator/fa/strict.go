package fa

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"unicode/utf8"
)

// XML has rules that encoding/xml does not enforce. KSeF's parser does, and so does xmllint. These
// functions look at a part of the document as it is written.

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

// strictTag checks a start tag. Each attribute must have white space before it, and references must
// be to characters of XML.
func strictTag(written []byte) error {
	for _, at := range attributeForm.FindAllIndex(written, -1) {
		if c := written[min(at[1], len(written)-1)]; !isSpace(rune(c)) && c != '>' && c != '/' {
			return errors.New("no space between two attributes")
		}
	}
	return strictReferences(written)
}

// characters reads text or a CDATA section. The latter is text even if it is white or empty, so the
// schema does not allow it between elements.
func (r *reader) characters(t, written []byte) error {
	if !bytes.HasPrefix(written, []byte("<![CDATA[")) {
		if err := strictReferences(written); err != nil {
			return err
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
// XML. For half of a surrogate pair, encoding/xml reads U+FFFD.
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
