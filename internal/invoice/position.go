package invoice

import (
	"bytes"
	"unicode/utf8"
)

// position is a place in a document; the zero value means unknown.
type position struct {
	line, column int32
	offset       int64
}

// mark remembers a line start, so that a run of questions in document order counts each newline once.
type mark struct {
	offset int // of the first byte of line
	line   int // from 1; 0 before first use
}

// locate counts lines only when somebody asks: in a sound document that is three times, so the scanner's loops carry no line counter.
// A question about an earlier line starts over from the top.
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

// apply puts the place into an error.
func (p position) apply(e *FieldError) *FieldError {
	e.Line, e.Column, e.Offset = int(p.line), int(p.column), p.offset
	return e
}
