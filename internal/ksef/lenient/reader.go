package lenient

import "io"

// NewReader returns a reader of the same JSON with raw control characters inside its strings
// escaped. JSON does not allow them there, and a single one in the number of one invoice would make
// a list of ten thousand invoices unreadable. A backslash right before such a character is escaped,
// too. All other bytes, and the error of r, pass unchanged.
func NewReader(r io.Reader) io.Reader { return &reader{r: r} }

// Escape returns json with raw control characters inside its strings escaped, as [NewReader] does.
func Escape(json []byte) []byte { return new(reader).escape(nil, json) }

type reader struct {
	r       io.Reader
	out     []byte // escaped and not yet read
	buf     [4096]byte
	quoted  bool // inside a string
	escaped bool // the last byte was a backslash
	err     error
}

const hexDigits = "0123456789abcdef"

func (c *reader) Read(p []byte) (int, error) {
	for len(c.out) == 0 {
		if c.err != nil {
			return 0, c.err
		}
		var n int
		n, c.err = c.r.Read(c.buf[:])
		c.out = c.escape(c.out[:0], c.buf[:n])
	}
	n := copy(p, c.out)
	c.out = c.out[n:]
	return n, nil
}

func (c *reader) escape(out, in []byte) []byte {
	for _, b := range in {
		if c.quoted && b < ' ' {
			if c.escaped { // the backslash before the control character becomes an escaped backslash
				out = append(out, '\\')
				c.escaped = false
			}
			out = append(out, '\\', 'u', '0', '0', hexDigits[b>>4], hexDigits[b&15])
			continue
		}
		switch {
		case c.escaped:
			c.escaped = false
		case b == '\\':
			c.escaped = c.quoted
		case b == '"':
			c.quoted = !c.quoted
		}
		out = append(out, b)
	}
	return out
}
