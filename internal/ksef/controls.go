package ksef

import "io"

// controls reads JSON and escapes control characters that stand as they are inside its strings, where
// JSON does not allow them: one of them in the number of one invoice must not make a list of ten
// thousand unreadable.
type controls struct {
	r       io.Reader
	out     []byte // escaped and not yet read
	buf     [4096]byte
	quoted  bool // inside a string
	escaped bool // behind a backslash
	err     error
}

const hexDigits = "0123456789abcdef"

func (c *controls) Read(p []byte) (int, error) {
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

func (c *controls) escape(out, in []byte) []byte {
	for _, b := range in {
		if c.quoted && b < ' ' {
			if c.escaped { // a backslash before a line's end: keep the backslash as one
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
