package httponce

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/numbers"
)

// UploadPart sends the encrypted bytes of a part to its address. It sends exactly the headers of
// the part, without Authorization, and follows no redirect. open is called at most once, after the
// gate has opened. The reader that open returns must give exactly size bytes. UploadPart closes
// this reader, sometimes while a Read is still under way. Uploads may run in parallel.
//
// Only 201 is success, because firewalls have answered 200 with HTML (KSeF issue threads, 2026). A
// part may be sent again to the same address. Only the error code of the part store's answer is
// kept, because the rest may quote the signature of the address.
func (c *Client) UploadPart(ctx context.Context, p ksef.PartUpload, open func() (io.ReadCloser, error), size int64) error {
	u, err := p.Address()
	k := Call{
		Op: fmt.Sprintf("upload part %d", p.Ordinal), Group: ksef.GroupNone, Err: err,
		Method: p.Method, Target: u, Headers: p.Headers, Part: true,
		Open: open, Size: size, Success: func(status int) bool { return status == http.StatusCreated }, Stream: true, Within: p.Allowed,
	}
	if k.Within <= 0 {
		k.Within = numbers.PartTime
	}
	switch {
	case open == nil:
		k = k.Bad(errors.New("body is required"))
	case size <= 0:
		k = k.Bad(fmt.Errorf("size %d is not positive", size))
	}
	if u != nil && c.o.Base.Scheme == "https" && u.Scheme != "https" {
		k = k.Bad(fmt.Errorf("part %d: its address is not https although %s's is", p.Ordinal, c.o.Side))
	}
	for _, h := range p.Headers {
		if http.CanonicalHeaderKey(h.Name) == "Content-Length" && h.Value != strconv.FormatInt(size, 10) {
			k = k.Bad(fmt.Errorf("part %d: its Content-Length header is not its size, %d bytes", p.Ordinal, size))
		}
	}
	return c.Do(ctx, k, func(*Answer) error { return nil })
}

// exactHeaders sets exactly the given headers. In net/http, Host and Content-Length are fields of
// the request. An empty User-Agent keeps net/http from adding its own.
func exactHeaders(req *http.Request, headers []ksef.Header) {
	req.Header["User-Agent"] = []string{""}
	seen := map[string]bool{}
	for _, h := range headers {
		name := http.CanonicalHeaderKey(h.Name)
		switch {
		case name == "Host":
			req.Host = h.Value
		case name == "Content-Length":
		case seen[name]:
			req.Header[name] = append(req.Header[name], h.Value)
		default:
			req.Header[name] = []string{h.Value}
		}
		seen[name] = true
	}
}
