package invoice

import (
	"crypto/sha256"
	"time"
	"unicode/utf8"
)

// Content is what an invoice says, independent of how its document is written. Two documents with
// the same Digest are the same invoice, exported twice.
type Content struct {
	// Digest is the SHA-256 of the document's canonical form; see [ContentOf].
	Digest [32]byte
	// Created is DataWytworzeniaFa and System is SystemInfo, both cut when they are much longer
	// than KSeF allows. They say when and by which program the document was made, and are not part
	// of Digest.
	Created, System string
}

// maxIgnored is how many bytes are kept of an element that the digest leaves out. SystemInfo has at
// most 256 characters; one more is kept to show that it is too long.
const maxIgnored = (maxNumber + 1) * utf8.UTFMax

// ContentOf computes the digest of one document in one pass. The error is a [*FieldError] when the
// document is not well-formed, or contains something that KSeF refuses in every document. ContentOf
// does not check the fields; Parse does. ContentOf costs twice as much as Parse, so compute the
// digest only when two documents with the same number have to be compared.
//
// The canonical form is the sequence of start tags, texts and end tags of the document, without
//
//   - the elements DataWytworzeniaFa and SystemInfo of Faktura/Naglowek with their content, because
//     a repeated export has another time of creation, and perhaps another version of the program;
//   - namespace declarations and prefixes, because an element or attribute is identified by its
//     namespace and its local name;
//   - the order of attributes, and their quotes;
//   - the XML declaration, comments, and the boundaries of CDATA sections;
//   - the difference between a character and a reference to it, between <a/> and <a></a>, and
//     between the ways to end a line;
//   - white space in text: the text between two tags is collapsed as the XSD's type token does it.
//     White space at the ends is removed, and each run inside becomes one space. A text of white
//     space only counts as no text. The XSD itself collapses nearly all texts of FA(3), such as
//     tokens, numbers, dates and enumerations. It keeps white space in StopkaFaktury, NrRB and
//     NrID, but no two sales differ by white space there.
//
// White space in attributes is kept, as in the XSD. Only tabs and line ends become spaces, as XML
// requires.
//
// Everything else counts: each name, value and attribute, and the order of elements. Two different
// notations of one value (1.0 and 1.00) are different content.
func ContentOf(document []byte) (Content, error) {
	c := newCanon(document)
	h := sha256.New()
	for {
		more, err := c.next()
		if err != nil {
			return Content{}, err
		}
		h.Write(c.text)
		h.Write(c.tag)
		if !more {
			break
		}
	}
	out := Content{Created: string(c.created), System: string(c.system)}
	h.Sum(out.Digest[:0])
	return out, nil
}

// HeaderAtFault reports whether KSeF may have refused the document because of something that the
// digest leaves out. Such a fault is a time of creation that is invalid or outside the range of
// FA(3), or a program name that is too long. If the document was refused for such a fault, another
// document with the same digest is a correction, not a repetition.
func (c Content) HeaderAtFault() bool {
	created, ok := parseDateTime(c.Created)
	return !ok || created.Before(firstCreated) || created.After(lastCreated) ||
		utf8.RuneCountInString(c.System) > maxNumber
}

// The XSD's bounds of DataWytworzeniaFa.
var (
	firstCreated = time.Date(2025, 9, 1, 0, 0, 0, 0, time.UTC)
	lastCreated  = time.Date(2050, 1, 1, 23, 59, 59, 0, time.UTC)
)

// parseDateTime reads an xsd:dateTime. A time without a zone counts as UTC.
func parseDateTime(s string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
