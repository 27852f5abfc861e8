package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
)

// screen is an output that may be a terminal. It buffers, so that ten thousand lines are not ten
// thousand system calls. Not safe for concurrent use.
type screen struct {
	w    *bufio.Writer
	file *os.File // nil unless it is a terminal

	json *json.Encoder // writes into line; nil before the first object
	line bytes.Buffer  // one line of JSON; it is reused because lists may have a million lines
}

func newScreen(w io.Writer) *screen {
	s := &screen{w: bufio.NewWriterSize(w, 64<<10)}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		s.file = f
	}
	return s
}

func (s *screen) terminal() bool { return s.file != nil }

// width returns the width in characters; 80 when it is not known.
func (s *screen) width() int {
	if s.file != nil {
		if w, _, err := term.GetSize(int(s.file.Fd())); err == nil && w > 0 {
			return w
		}
	}
	return 80
}

// Write implements io.Writer. It writes bytes as they are, so they must be clean.
func (s *screen) Write(b []byte) (int, error) { return s.w.Write(b) }

func (s *screen) flush() error { return s.w.Flush() }

// println prints each line of the text, cleaned.
func (s *screen) println(text string) {
	for line := range strings.SplitSeq(text, "\n") {
		s.raw(clean(line))
	}
}

// raw prints one line that is clean already.
func (s *screen) raw(line string) {
	_, _ = s.w.WriteString(line) // bufio keeps the error for flush
	_ = s.w.WriteByte('\n')
}

// clean replaces control characters (see isControl) and bytes that are not UTF-8 by escapes such as
// \x1b. Other people choose the names of files, and KSeF writes texts, so both may contain such
// characters.
func clean(s string) string {
	if harmless(s) || !strings.ContainsFunc(s, isControl) && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case isControl(r) && r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case isControl(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
		i += n
	}
	return b.String()
}

// harmless reports whether a text is printable ASCII. Most texts are, and this check is fast.
func harmless[T string | []byte](s T) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// isControl reports whether r is a control character (C0, DEL or C1), a separator of lines or
// paragraphs, or a character that sets the direction of text.
func isControl(r rune) bool {
	return unicode.IsControl(r) || r == 0x2028 || r == 0x2029 || r == 0x200E || r == 0x200F || r == 0x061C ||
		r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069
}
