package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
)

// screen is an output that may be a terminal. It buffers: ten thousand lines are not ten thousand system calls. Not safe for concurrent use.
type screen struct {
	w    *bufio.Writer
	file *os.File // nil unless it is a terminal
}

func newScreen(w io.Writer) *screen {
	s := &screen{w: bufio.NewWriterSize(w, 64<<10)}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		s.file = f
	}
	return s
}

func (s *screen) terminal() bool { return s.file != nil }

// width in characters; 80 when nobody knows.
func (s *screen) width() int {
	if s.file != nil {
		if w, _, err := term.GetSize(int(s.file.Fd())); err == nil && w > 0 {
			return w
		}
	}
	return 80
}

// Write implements io.Writer for what is known to be harmless.
func (s *screen) Write(b []byte) (int, error) { return s.w.Write(b) }

func (s *screen) flush() error { return s.w.Flush() }

// println makes the text harmless, line by line.
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

// clean shows every character that a terminal would obey rather than print, and those that turn the direction of text, as an escape: file names and KSeF's texts are
// written by others.
func clean(s string) string {
	if !strings.ContainsFunc(s, obeyed) && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case obeyed(r) && r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case obeyed(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
		i += n
	}
	return b.String()
}

// obeyed: C0, DEL, C1, line and paragraph separators, and the marks and overrides of direction.
func obeyed(r rune) bool {
	return unicode.IsControl(r) || r == 0x2028 || r == 0x2029 || r == 0x200E || r == 0x200F || r == 0x061C ||
		r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069
}
