package gateway

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"ksefworker/internal/ksef/lenient"
)

var errTooLarge = errors.New("answer is larger than allowed")

// answer is a response of the expected status, its body capped.
type answer struct {
	status      int
	contentType string
	body        *cappedReader
	object      bool // it was read whole and is one JSON object
}

// cappedReader gives at most left bytes and then fails. io.LimitReader would end without an error
// instead, and a cut answer would look whole. cappedReader keeps the network's error, so that a
// broken connection can be told from a garbled answer.
type cappedReader struct {
	r    io.Reader
	left int64
	err  error
}

func (c *cappedReader) Read(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	if int64(len(p)) > c.left+1 {
		p = p[:c.left+1]
	}
	n, err := c.r.Read(p)
	if int64(n) > c.left {
		n, err = int(c.left), errTooLarge
	}
	c.left -= int64(n)
	c.err = err
	return n, err
}

func (a *answer) all() ([]byte, error) { return io.ReadAll(a.body) }

// refusedError is a refusal in the gateway's own words, inside an answer of the expected status.
type refusedError struct{ body errorBody }

func (e *refusedError) Error() string { return "the gateway answered an error" }

// misreadError marks an answer that is read as it arrives: it is JSON, but not of the form that was
// due.
type misreadError struct{ err error }

func (e *misreadError) Error() string { return e.err.Error() }
func (e *misreadError) Unwrap() error { return e.err }

// misread marks an error, if there is one.
func misread(err error) error {
	if err == nil {
		return nil
	}
	return &misreadError{err}
}

// localError is a fault of the caller's writer.
type localError struct{ err error }

func (e *localError) Error() string { return e.err.Error() }
func (e *localError) Unwrap() error { return e.err }

var bom = []byte("\xef\xbb\xbf")

// json reads a small JSON answer into v. An answer that is not one JSON object is an error, and so
// is an object with `error` in it.
func (a *answer) json(v any) error {
	raw, err := a.all()
	if err != nil {
		return err
	}
	raw = bytes.TrimPrefix(raw, bom)
	if !json.Valid(raw) {
		raw = lenient.Escape(raw)
	}
	body, isObject := parseError(raw)
	switch {
	case !isObject:
		return fmt.Errorf("not a JSON object (%s)", describe(raw, a.contentType))
	case body != nil:
		return &refusedError{body: *body}
	}
	a.object = true
	if err := json.Unmarshal(raw, v); err != nil {
		return withoutValue(err)
	}
	return nil
}

// withoutValue names the field that a JSON decoder could not read, without quoting its value.
func withoutValue(err error) error {
	if odd, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("field %s: a JSON %s", odd.Field, strings.SplitN(odd.Value, " ", 2)[0])
	}
	return err
}

// checked reads a JSON answer into v and then checks it. check is a function, and not the result of
// one, because it must run after v is filled: Go does not say whether a variable is read before or
// after a call in the same argument list.
func (a *answer) checked(v any, check func() error) error {
	if err := a.json(v); err != nil {
		return err
	}
	return check()
}

// xml reads an XML document and checks it from its first to its last byte: a firewall's HTML page
// must not be archived as a receipt.
func (a *answer) xml() ([]byte, error) {
	raw, err := a.document()
	if err != nil {
		return nil, err
	}
	d := xml.NewDecoder(bytes.NewReader(raw))
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	root := ""
	for {
		token, err := d.Token() // not RawToken: it would take a document whose end is missing
		if err == io.EOF {
			break
		}
		if err != nil {
			// The decoder's own text may quote the document.
			line, _ := d.InputPos()
			return nil, fmt.Errorf("not well-formed XML at line %d (%s)", line, describe(raw, a.contentType))
		}
		if start, ok := token.(xml.StartElement); ok && root == "" {
			root = start.Name.Local
		}
	}
	if root == "" || strings.EqualFold(root, "html") {
		return nil, fmt.Errorf("not an XML document (%s)", describe(raw, a.contentType))
	}
	return raw, nil
}

// document reads an answer that is JSON only when the gateway refuses.
func (a *answer) document() ([]byte, error) {
	raw, err := a.all()
	if err != nil {
		return nil, err
	}
	if body, _ := parseError(bytes.TrimPrefix(raw, bom)); body != nil {
		return nil, &refusedError{body: *body}
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil, errors.New("empty answer")
	}
	return raw, nil
}

// shownTypes are the content types that an error may name.
var shownTypes = []string{
	"application/json", "text/html", "text/xml", "application/xml", "text/plain", "application/octet-stream",
	"application/zip", "application/pdf",
}

// describe tells what an unexpected body looks like, without quoting it.
func describe(raw []byte, contentType string) string {
	kind := "no known content type"
	for _, known := range shownTypes {
		if mediaTypeIs(contentType, known) {
			kind = known
		}
	}
	return fmt.Sprintf("%s, %d bytes%s", kind, len(raw), map[bool]string{true: ", HTML"}[isHTML(raw)])
}

func isHTML(raw []byte) bool {
	head := bytes.ToLower(bytes.TrimSpace(bytes.TrimPrefix(raw[:min(len(raw), 512)], bom)))
	for _, start := range []string{"<!doctype html", "<html", "<head", "<body"} {
		if bytes.HasPrefix(head, []byte(start)) {
			return true
		}
	}
	return false
}

func mediaTypeIs(contentType, want string) bool {
	kind, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(kind), want)
}
