package invoice

import (
	"bytes"
	"strings"
)

// FirstDifference names the first element in which the content of two documents differs, by its path
// below the root, such as Fa/FaWiersz/P_7; "" when they are the same invoice (see [ContentOf]). Where
// the two go on with different elements, it is that of a. It holds no value of either document, so it
// can be shown. The error is a [*FieldError] of the document that cannot be read.
func FirstDifference(a, b []byte) (string, error) {
	x, y := newCanon(a), newCanon(b)
	for {
		moreX, err := x.next()
		if err != nil {
			return "", err
		}
		moreY, err := y.next()
		if err != nil {
			return "", err
		}
		switch {
		case !bytes.Equal(x.text, y.text) && len(x.text) > 0:
			return x.path(false), nil
		case !bytes.Equal(x.text, y.text):
			return y.path(false), nil
		case !bytes.Equal(x.tag, y.tag) && x.start:
			return x.path(true), nil
		case !bytes.Equal(x.tag, y.tag):
			return y.path(true), nil
		case !moreX && !moreY:
			return "", nil
		}
	}
}

// path names the element that the tag opened, or else the one that the text stands in.
func (c *canon) path(opened bool) string {
	open := c.open
	switch {
	case opened:
	case c.start: // the text came before the element that is open now
		open = open[:len(open)-1]
	default: // the element that the text stands in is closed already
		open = append(open[:len(open):len(open)], element{name: c.within})
	}
	var names []string
	for _, e := range open {
		names = append(names, shorten(string(e.local(c.data))))
	}
	if len(names) > 1 {
		names = names[1:] // the root
	}
	return strings.Join(names, "/")
}
