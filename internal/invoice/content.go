package invoice

import (
	"crypto/sha256"
	"time"
	"unicode/utf8"
)

// Content is what an invoice says, whatever its document looks like: two documents with the same
// digest are the same invoice, exported twice.
type Content struct {
	// Digest is the SHA-256 of the document's canonical form; see [ContentOf].
	Digest [32]byte
	// Created is DataWytworzeniaFa and System is SystemInfo, cut where they are absurdly long.
	// They say when and by which program the document was made, and are no part of the digest.
	Created, System string
}

// maxIgnored bounds what is kept of an element that the digest leaves out, in bytes. SystemInfo has
// 256 characters at most; one more shows that it is too long.
const maxIgnored = (maxNumber + 1) * utf8.UTFMax

// ContentOf computes the digest of one document in one pass. The error is a [*FieldError]: the
// document is not well-formed, or bears what KSeF refuses in every document. Its fields are not
// judged; Parse does that. It costs twice as much as Parse, so it is computed when two
// documents of one number have to be told apart, and never for others.
//
// The canonical form is the sequence of start tags, texts and end tags of the document, without
//
//   - the elements DataWytworzeniaFa and SystemInfo of Faktura/Naglowek, with all that is in them:
//     an export made again has another time of creation, and perhaps another version of the program;
//   - namespace declarations and prefixes: an element or attribute is named by its namespace and its
//     local name;
//   - the order of attributes, and their quotes;
//   - the XML declaration, comments, and the borders of CDATA sections;
//   - the difference between a character and a reference to it, between <a/> and <a></a>, and
//     between the ways to end a line;
//   - white space: a text is what stands between two tags, and it is collapsed as the XSD's type
//     token does it (none at its ends, one space for each run inside), so text that is white space
//     only is none. Nearly all of FA(3)'s texts are tokens, numbers, dates and enumerations, of
//     which the XSD says just that. It keeps white space in StopkaFaktury, NrRB and NrID, where it
//     is layout all the same: no two sales differ by it. In an attribute the XSD keeps white space,
//     and so does the digest, after tabs and line ends were read as spaces as XML demands.
//
// Everything else counts: each name, value and attribute, and the order of elements. Two values that
// only mean the same (1.0 and 1.00) differ.
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

// HeaderAtFault reports whether KSeF may have refused the document for what the digest leaves out: a
// time of creation that is none or that FA(3) does not take, or the name of a program that is too
// long. Then a document that differs in nothing else is a correction, not a repetition.
func (c Content) HeaderAtFault() bool {
	created, ok := parseDateTime(c.Created)
	return !ok || created.Before(firstCreated) || created.After(lastCreated) ||
		utf8.RuneCountInString(c.System) > maxNumber
}

// The XSD's bounds of DataWytworzeniaFa.
var firstCreated, lastCreated = time.Date(2025, 9, 1, 0, 0, 0, 0, time.UTC), time.Date(2050, 1, 1, 23, 59, 59, 0, time.UTC)

// parseDateTime reads an xsd:dateTime; one without a zone counts as UTC.
func parseDateTime(s string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
