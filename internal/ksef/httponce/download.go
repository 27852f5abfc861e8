package httponce

import (
	"context"
	"errors"
	"io"
	"math"
)

// Download streams an answer of bytes to w and returns how many bytes it has written. An answer of
// more than Options.MaxDownload bytes is an error.
func (c *Client) Download(ctx context.Context, k Call, w io.Writer) (n int64, err error) {
	k.Stream, k.Limit = true, c.o.MaxDownload
	if w == nil {
		k = k.Bad(errors.New("writer is required"))
	}
	err = c.Do(ctx, k, func(a *Answer) (err error) {
		n, err = a.copyTo(w)
		return err
	})
	return n, err
}

// headSize is how many bytes of a download are checked before any of them is passed on. An error of
// the gateway or a firewall's page is smaller than that.
const headSize = 64 << 10

// copyTo passes bytes on unless they are the other side's error, other JSON or an HTML page.
// Encrypted bytes may begin with any bytes. So an answer counts as JSON only if it is shorter than
// headSize, and also is one JSON object or has JSON's content type. An answer counts as a page if
// it begins as HTML or has HTML's content type.
func (a *Answer) copyTo(w io.Writer) (int64, error) {
	head := make([]byte, headSize)
	n, err := io.ReadFull(a.Body, head)
	head = head[:n]
	whole := err == io.EOF || err == io.ErrUnexpectedEOF && a.ended() == io.EOF
	switch {
	case err != nil && !whole:
		return 0, err
	case n == 0:
		return 0, errors.New("empty answer")
	case mediaTypeIs(a.contentType, "text/html"), isHTML(head):
		return 0, errors.New("got an HTML page instead of a file (" + describe(head, a.contentType) + ")")
	}
	if whole {
		if body, isObject := a.parse(head); body != nil && a.inside {
			return 0, &RefusedError{*body}
		} else if isObject || mediaTypeIs(a.contentType, "application/json") {
			return 0, errors.New("got JSON instead of a file (" + describe(head, a.contentType) + ")")
		}
	}
	if _, err := w.Write(head); err != nil {
		return 0, &localError{err: err}
	}
	sink := &sink{w: w}
	more, err := io.CopyN(sink, a.Body, math.MaxInt64)
	switch {
	case sink.err != nil:
		return int64(n) + more, &localError{err: sink.err}
	case err != io.EOF:
		return int64(n) + more, err
	}
	return int64(n) + more, nil
}

// sink keeps the writer's error, so that this error can be told from an error of the network.
type sink struct {
	w   io.Writer
	err error
}

func (s *sink) Write(p []byte) (n int, err error) {
	n, s.err = s.w.Write(p)
	return n, s.err
}
