package httponce

import (
	"bytes"
	"cmp"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"ksefworker/internal/ksef/lenient"
)

var errTooLarge = errors.New("answer is larger than allowed")

// Answer is a response of an expected status, with its body capped.
type Answer struct {
	Status int
	Header http.Header
	Body   io.Reader // reading more than the call's limit fails

	contentType string
	object      bool // the body was read whole and is a JSON object, or the JSON list that was due
	parse       func([]byte) (*ErrorBody, bool)
	inside      bool // the body may be an error of the other side
}

// cappedReader gives at most left bytes and then fails. io.LimitReader ends without an error, so a
// cut answer would look whole. cappedReader keeps the network's error, because a broken connection
// and a garbled answer are handled differently.
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

func (a *Answer) all() ([]byte, error) { return io.ReadAll(a.Body) }

// RefusedError is the other side's own error inside an answer of an expected status.
type RefusedError struct{ Body ErrorBody }

func (e *RefusedError) Error() string { return "the other side answered an error" }

// MisreadError says that an answer is the other side's, but not of the form that was due. [Misread]
// makes it.
type MisreadError struct{ err error }

func (e *MisreadError) Error() string { return e.err.Error() }
func (e *MisreadError) Unwrap() error { return e.err }

// Misread marks err, unless it is nil. The mark says that the answer is from the other side but not
// of the form that was due. Misread is for answers that are decoded as they arrive.
func Misread(err error) error {
	if err == nil {
		return nil
	}
	return &MisreadError{err}
}

// localError is a fault of the caller's writer.
type localError struct{ err error }

func (e *localError) Error() string { return e.err.Error() }
func (e *localError) Unwrap() error { return e.err }

// StatedError is a failure that an answer of an expected HTTP status states in its body, for
// example in the status of a login. Nothing of what was asked for was done.
type StatedError struct {
	Code                         int
	Description, Details, Advice string
	// Credentials says that the credentials are wrong. If it is false, the same request may succeed
	// later.
	Credentials bool
	Err         error
}

func (e *StatedError) Error() string { return e.Err.Error() }

// Unwrap returns what is stated.
func (e *StatedError) Unwrap() error { return e.Err }

var bom = []byte("\xef\xbb\xbf")

// DeniedError marks an answer of the expected status in which the other side says that it did not
// do what was asked. This is no proof, so the request may still have been carried out.
type DeniedError struct{ Err error }

func (e *DeniedError) Error() string { return e.Err.Error() }

// Unwrap returns what the other side said.
func (e *DeniedError) Unwrap() error { return e.Err }

// JSON reads a small JSON answer into v. It returns an error when the answer is not one JSON
// object. With [Options].ErrorsInside, JSON returns an error of the other side in the object as a
// *[RefusedError].
func (a *Answer) JSON(v any) error {
	raw, err := a.all()
	if err != nil {
		return err
	}
	raw = bytes.TrimPrefix(raw, bom)
	if !json.Valid(raw) {
		raw = lenient.Escape(raw)
	}
	body, isObject := a.parse(raw)
	switch {
	case !isObject:
		return fmt.Errorf("not a JSON object (%s)", describe(raw, a.contentType))
	case body != nil && a.inside:
		return &RefusedError{*body}
	}
	a.object = true
	if err := json.Unmarshal(raw, v); err != nil {
		return withoutValue(err)
	}
	return nil
}

// JSONList reads a small JSON answer that is a list.
func (a *Answer) JSONList(v any) error {
	raw, err := a.all()
	if err != nil {
		return err
	}
	raw = bytes.TrimSpace(bytes.TrimPrefix(raw, bom))
	if len(raw) == 0 || raw[0] != '[' || !json.Valid(raw) {
		return fmt.Errorf("not a JSON list (%s)", describe(raw, a.contentType))
	}
	a.object = true
	if err := json.Unmarshal(raw, v); err != nil {
		return withoutValue(err)
	}
	return nil
}

// Nothing reads an answer whose body is not needed. It returns an error for an HTML page, because
// such a page comes from a firewall.
func (a *Answer) Nothing() error {
	raw, err := io.ReadAll(io.LimitReader(a.Body, 4<<10))
	if err != nil {
		return err
	}
	if isHTML(raw) || mediaTypeIs(a.contentType, "text/html") {
		return fmt.Errorf("a page where nothing was due (%s)", describe(raw, a.contentType))
	}
	return nil
}

// withoutValue names the field that a JSON decoder could not read, and leaves out the value.
func withoutValue(err error) error {
	if odd, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("field %s: a JSON %s", odd.Field, strings.SplitN(odd.Value, " ", 2)[0])
	}
	return err
}

// Checked reads a JSON answer into v and then checks it. check is a function because it must run
// after v is filled.
func (a *Answer) Checked(v any, check func() error) error {
	if err := a.JSON(v); err != nil {
		return err
	}
	return check()
}

// maxDepth is how deep the elements of a document may be nested. In an FA(3), and in a UPO with its
// signature, they are nested less than twenty deep. The decoder needs fifty bytes of memory for
// each open element, and three bytes of a document can open one.
const maxDepth = 200

// XML reads an XML document and checks all of it, because a firewall's HTML page must not be
// archived as a receipt.
func (a *Answer) XML() ([]byte, error) {
	raw, err := a.Document()
	if err != nil {
		return nil, err
	}
	d := xml.NewDecoder(bytes.NewReader(raw))
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	root, depth := "", 0
	for {
		token, err := d.Token() // RawToken would accept a document whose end is missing
		if err == io.EOF {
			break
		}
		if err != nil {
			// The decoder's own text may quote the document.
			line, _ := d.InputPos()
			return nil, fmt.Errorf("not well-formed XML at line %d (%s)", line, describe(raw, a.contentType))
		}
		switch el := token.(type) {
		case xml.StartElement:
			root = cmp.Or(root, el.Name.Local)
			if depth++; depth > maxDepth {
				return nil, fmt.Errorf("XML that is nested deeper than %d (%s)", maxDepth, describe(raw, a.contentType))
			}
		case xml.EndElement:
			depth--
		}
	}
	if root == "" || strings.EqualFold(root, "html") {
		return nil, fmt.Errorf("not an XML document (%s)", describe(raw, a.contentType))
	}
	return raw, nil
}

// Document reads an answer whose bytes are a document. With [Options].ErrorsInside, Document
// returns an error of the other side in place of the document as a *[RefusedError]. An empty answer
// is an error.
func (a *Answer) Document() ([]byte, error) {
	raw, err := a.all()
	if err != nil {
		return nil, err
	}
	if body, _ := a.parse(bytes.TrimPrefix(raw, bom)); body != nil && a.inside {
		return nil, &RefusedError{*body}
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil, errors.New("empty answer")
	}
	return raw, nil
}

// ended returns why the body ended, or nil while more may follow.
func (a *Answer) ended() error {
	if c, ok := a.Body.(*cappedReader); ok {
		return c.err
	}
	return nil
}
