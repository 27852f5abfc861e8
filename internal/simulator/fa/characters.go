package fa

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// token collapses white space as the schema type xsd:token does.
func token(text string) string { return strings.Join(strings.FieldsFunc(text, isSpace), " ") }

// discouraged finds the first code point that KSeF refuses. It does not decode references (see
// references).
func discouraged(text []byte) (rune, bool) {
	for i := 0; i < len(text); {
		if text[i] < 0x7F { // nearly all bytes
			i++
			continue
		}
		r, size := utf8.DecodeRune(text[i:])
		if r >= 0x7F && r <= 0x84 || r >= 0x86 && r <= 0x9F || r >= 0xFDD0 && r <= 0xFDEF || r >= 0x10000 && r&0xFFFE == 0xFFFE {
			return r, true
		}
		i += size
	}
	return 0, false
}

// references decodes the numeric character references of a document, so that discouraged can check
// them.
func references(content []byte) []byte {
	var out []byte
	for {
		i := bytes.Index(content, []byte("&#"))
		if i < 0 {
			return out
		}
		content = content[i+2:]
		end := bytes.IndexByte(content[:min(len(content), 12)], ';')
		if end < 0 {
			continue
		}
		var r rune
		if digits, hex := bytes.CutPrefix(content[:end], []byte("x")); hex {
			_, _ = fmt.Sscanf(string(digits), "%x", &r)
		} else {
			_, _ = fmt.Sscanf(string(digits), "%d", &r)
		}
		out = utf8.AppendRune(out, r)
	}
}
