package intake

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"ksefworker/internal/invoice"
)

// CheckJSON refuses a JSON text that two readers may read differently. An object must not have a
// name twice. RFC 8259 leaves open which of the two counts, so this program and the gateway might
// read different values. Names that encoding/json takes for the same count as the same: those that
// differ only in case, and xml_baſe64 and xml_base64. A text must not hold bytes that are not
// UTF-8, or half of a surrogate pair. encoding/json replaces them by U+FFFD, so two different refs
// could become the same. The text must not hold U+FFFD either, because the sender's program may
// have done the same. Outside the field "xml", the text must not hold a character that no XML
// document can have. The error is an [*invoice.FieldError]. The caller makes sure that the text is
// JSON.
func CheckJSON(text []byte) error {
	var open []map[string]bool // the names of each object that is open; nil for an array
	name, last := false, ""    // the string that comes next is a name; the name read last
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{':
			open, name = append(open, map[string]bool{}), true
		case '[':
			open, name = append(open, nil), false
		case '}', ']':
			open, name = open[:max(len(open)-1, 0)], false
		case ',':
			name = len(open) > 0 && open[len(open)-1] != nil
		case ':':
			name = false
		case '"':
			end := stringEnd(text, i)
			if name {
				if json.Unmarshal(text[i:end], &last) != nil {
					return nil // it is not JSON: the decoder reports that
				}
				names, one := open[len(open)-1], folded(last)
				if names[one] {
					return &invoice.FieldError{Field: last, Rule: "must be given once"}
				}
				names[one] = true
			}
			if err := checkCharacters(text[i:end], last); err != nil {
				return err
			}
			i = end - 1
		}
	}
	return nil
}

// folded returns a form of a name. Two names have the same form when encoding/json takes them for
// the same name.
func folded(name string) string {
	return strings.Map(func(r rune) rune {
		for {
			next := unicode.SimpleFold(r)
			if next <= r { // r was the last of its circle, so next is the first
				return next
			}
			r = next
		}
	}, name)
}

// RefIn returns the ref of a JSON object that is refused. The refusal then names the ref. RefIn
// returns "" if the object has no ref, or if the ref itself is at fault.
func RefIn(object []byte) string {
	if fault, ok := errors.AsType[*invoice.FieldError](CheckJSON(object)); ok && strings.EqualFold(fault.Field, "ref") {
		return ""
	}
	var has struct{ Ref json.RawMessage }
	ref := ""
	// A value of the wrong kind in another field is no reason to stop.
	if json.Unmarshal(object, &has) != nil || checkCharacters(has.Ref, "ref") != nil ||
		json.Unmarshal(has.Ref, &ref) != nil || CheckRef(ref) != nil {
		return ""
	}
	return ref
}

// checkCharacters checks one string of JSON, as it is written. It refuses bytes and escapes that
// stand for no character, the replacement character, and characters that XML does not allow. In the
// field "xml" it accepts characters that XML does not allow, because the check of the document
// reports them with their place.
func checkCharacters(raw []byte, name string) error {
	if !utf8.Valid(raw) {
		return notUTF8(name)
	}
	if bytes.Contains(raw, []byte("\uFFFD")) {
		return letterLost(name)
	}
	if name != "xml" && (bytes.Contains(raw, []byte("\uFFFE")) || bytes.Contains(raw, []byte("\uFFFF"))) {
		return notXML(name)
	}
	for at := 0; ; {
		n := bytes.IndexByte(raw[at:], '\\')
		if n < 0 || at+n+1 >= len(raw) {
			return nil
		}
		at += n + 2
		switch c := raw[at-1]; {
		case c == 'u' && bytes.HasPrefix(raw[at:], []byte("00")) && at+2 < len(raw) && raw[at+2] > '1':
			continue // \u0020 to \u00ff; most often it is \u003c, the < of a document
		case c == 'u':
		case (c == 'b' || c == 'f') && name != "xml":
			return notXML(name)
		default:
			continue
		}
		switch low := escaped(raw[at:]); {
		case low == 0xFFFD:
			return letterLost(name)
		case low >= 0xDC00 && low <= 0xDFFF:
			return halfCharacter(name)
		case low >= 0xD800 && low <= 0xDBFF:
			half := raw[min(at+4, len(raw)):]
			if !bytes.HasPrefix(half, []byte(`\u`)) || escaped(half[2:]) < 0xDC00 || escaped(half[2:]) > 0xDFFF {
				return halfCharacter(name)
			}
			at += 10
		case name != "xml" && (low < ' ' && low != '\t' && low != '\n' && low != '\r' || low >= 0xFFFE):
			return notXML(name)
		}
	}
}

// escaped returns the number that the four hexadecimal digits after \u stand for, and ' ' when they
// are not such digits.
func escaped(digits []byte) int {
	var v [2]byte
	if n, _ := hex.Decode(v[:], digits[:min(4, len(digits))]); n < len(v) {
		return ' '
	}
	return int(binary.BigEndian.Uint16(v[:]))
}

func notUTF8(name string) error {
	hint := "write the JSON in UTF-8"
	if name == "xml" {
		hint = "write the JSON in UTF-8, or send the document's bytes as a file or in Base64"
	}
	return &invoice.FieldError{Field: cmp.Or(name, "document"), Rule: "must be UTF-8", Hint: hint}
}

// letterLost refuses U+FFFD in a JSON text. Programs that write JSON put it in the place of bytes
// that they cannot read. So a document may have had a letter there before.
func letterLost(name string) error {
	hint := "a program put it in the place of a letter that it could not read: give the text as it was"
	if name == "xml" {
		hint = "a program put it in the place of a letter that it could not read: " +
			"send the document's bytes as a file or in Base64, then they arrive as they are"
	}
	return &invoice.FieldError{Field: cmp.Or(name, "document"), Rule: "must not contain a replacement character",
		Value: "U+FFFD", Hint: hint}
}

func halfCharacter(name string) error {
	return &invoice.FieldError{Field: cmp.Or(name, "document"), Rule: "must not contain half of a surrogate pair",
		Hint: `write the character itself, or both halves, such as \ud83d\udcb0; a text that was cut off may end in half a character`}
}

func notXML(name string) error {
	return &invoice.FieldError{Field: cmp.Or(name, "document"), Rule: "must not contain a character that XML 1.0 forbids",
		Hint: "remove the character; it is often pasted in by accident"}
}

// stringEnd returns the index after the end of the string that begins at the given index.
func stringEnd(text []byte, at int) int {
	for i := at + 1; i < len(text); i++ {
		n := bytes.IndexByte(text[i:], '"')
		if n < 0 {
			break
		}
		i += n
		escaped := 0
		for text[i-1-escaped] == '\\' {
			escaped++
		}
		if escaped%2 == 0 {
			return i + 1
		}
	}
	return len(text)
}
