package invoice

import (
	"bytes"
	"strings"
)

// FirstDifference returns the path of the first element whose content differs between two
// documents. The path begins below the root, such as Fa/FaWiersz/P_7. The path of the root itself
// is its name. The path is "" when both are the same invoice (see [ContentOf]). If the documents
// continue with different elements, the path is that of the element in a. If a has no element
// there, the path is that of the element in b. The path contains no value of either document, so it
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

// path returns the path of the element that the tag has opened. If opened is false, path returns
// the path of the element that contains the text.
func (c *canon) path(opened bool) string {
	open := c.open
	switch {
	case opened:
	case c.start: // the text precedes the element that has just been opened
		open = open[:len(open)-1]
	default: // the element that contains the text is already closed
		open = append(open[:len(open):len(open)], element{name: c.within})
	}
	var names []string
	for _, e := range open {
		names = append(names, shorten(string(e.local(c.data))))
	}
	if len(names) > 1 {
		names = names[1:] // without the root
	}
	return strings.Join(names, "/")
}
