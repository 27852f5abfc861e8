package sample

import "strconv"

// writer appends indented elements to a buffer.
type writer struct {
	buf   []byte
	depth int
}

func (w *writer) indent() {
	w.buf = append(w.buf, '\n')
	for range w.depth {
		w.buf = append(w.buf, '\t')
	}
}

func (w *writer) open(name string) {
	w.indent()
	w.buf = append(append(append(w.buf, '<'), name...), '>')
	w.depth++
}

func (w *writer) close(name string) {
	w.depth--
	w.indent()
	w.end(name)
}

func (w *writer) start(name string) {
	w.indent()
	w.buf = append(append(append(w.buf, '<'), name...), '>')
}

func (w *writer) end(name string) {
	w.buf = append(append(append(w.buf, "</"...), name...), '>')
}

func (w *writer) text(name, value string) {
	w.start(name)
	w.buf = appendEscaped(w.buf, value)
	w.end(name)
}

func (w *writer) number(name string, value int) {
	w.start(name)
	w.buf = strconv.AppendInt(w.buf, int64(value), 10)
	w.end(name)
}

func (w *writer) money(name string, value grosz) {
	w.start(name)
	w.buf = value.appendTo(w.buf)
	w.end(name)
}

func appendEscaped(b []byte, s string) []byte {
	for i := range len(s) {
		switch s[i] {
		case '&':
			b = append(b, "&amp;"...)
		case '<':
			b = append(b, "&lt;"...)
		case '>':
			b = append(b, "&gt;"...)
		default:
			b = append(b, s[i])
		}
	}
	return b
}
