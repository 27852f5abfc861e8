package invoice

import (
	"bytes"
	"unicode/utf8"
)

// position is a position in a document; the zero value means unknown.
type position struct {
	line, column int32
	offset       int64
}

// mark remembers the start of a line, so that positions requested in document order count each
// newline only once.
type mark struct {
	offset int // of the first byte of line
	line   int // from 1; 0 before first use
}

// locate computes a position. The loops of the scanner carry no line counter. Lines are counted
// only when a position is asked for, which happens three times in a correct document. A request for
// an earlier line starts again from the top.
func (m *mark) locate(data []byte, at int) position {
	if at > len(data) {
		at = len(data)
	}
	if m.line == 0 || at < m.offset {
		*m = mark{line: 1}
	}
	between := data[m.offset:at]
	if n := bytes.Count(between, newline); n > 0 {
		m.line += n
		m.offset += bytes.LastIndexByte(between, '\n') + 1
	}
	column := utf8.RuneCount(data[m.offset:at]) + 1
	return position{line: int32(m.line), column: int32(column), offset: int64(at)}
}

var newline = []byte{'\n'}

// apply sets the position of an error.
func (p position) apply(e *FieldError) *FieldError {
	e.Line, e.Column, e.Offset = int(p.line), int(p.column), p.offset
	return e
}
