package ksef

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"time"
)

// Header is one header of a part's upload.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// PartUpload tells where and how a part is sent. URL and Headers are secrets: whoever has them can upload. It prints, and encodes to JSON, without them.
type PartUpload struct {
	Ordinal int
	Method  string
	URL     string
	Headers []Header
	// Allowed is how long the upload may take: 20 minutes × number of parts, counted from the opening of the session (KSeF limits, September 2026).
	// 0: 20 minutes.
	Allowed time.Duration
}

// PartTime is KSeF's allowance for each part, to be multiplied by the number of parts.
const PartTime = 20 * time.Minute

// Host is where the part goes, without anything that is secret; "" when the address is not one.
func (p PartUpload) Host() string {
	u, err := url.Parse(p.URL)
	if err != nil {
		return ""
	}
	return u.Host
}

// UnmarshalJSON reads the gateway's form.
func (p *PartUpload) UnmarshalJSON(raw []byte) error {
	var wire struct {
		Ordinal int      `json:"ordinal"`
		Method  string   `json:"method"`
		URL     string   `json:"url"`
		Headers []Header `json:"headers"`
	}
	if err := json.Unmarshal(raw, &wire); err != nil {
		return err
	}
	*p = PartUpload{Ordinal: wire.Ordinal, Method: wire.Method, URL: wire.URL, Headers: wire.Headers}
	return nil
}

// MarshalJSON redacts.
func (p PartUpload) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{"ordinal": p.Ordinal, "method": p.Method, "url": redacted})
}

// String redacts.
func (p PartUpload) String() string {
	return fmt.Sprintf("part %d: %s %s", p.Ordinal, p.Method, redacted)
}

// Format redacts, whatever the verb.
func (p PartUpload) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, p.String()) }

var token = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

// check never quotes what it refuses.
func (p PartUpload) check() (*url.URL, error) {
	u, err := url.Parse(p.URL)
	switch {
	case err != nil, u.Host == "", u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("part %d: its address is not an absolute http or https URL", p.Ordinal)
	case !token.MatchString(p.Method):
		return nil, fmt.Errorf("part %d: its method is not one", p.Ordinal)
	}
	for i, h := range p.Headers {
		if !token.MatchString(h.Name) || hasControl(h.Value) {
			return nil, fmt.Errorf("part %d: header %d can't be sent", p.Ordinal, i)
		}
	}
	return u, nil
}

// matchParts brings the uploads into the order of the parts and holds them to be complete.
func matchParts(parts []BatchPart, uploads []PartUpload) ([]PartUpload, error) {
	if len(parts) != len(uploads) {
		return nil, fmt.Errorf("answer has %d part uploads for %d parts", len(uploads), len(parts))
	}
	by := make(map[int]PartUpload, len(uploads))
	for _, u := range uploads {
		if _, err := u.check(); err != nil {
			return nil, err
		}
		by[u.Ordinal] = u
	}
	out := make([]PartUpload, 0, len(parts))
	for _, p := range parts {
		u, ok := by[p.Ordinal]
		if !ok {
			return nil, fmt.Errorf("answer has no upload for part %d", p.Ordinal)
		}
		u.Allowed = PartTime * time.Duration(len(parts))
		out = append(out, u)
	}
	return out, nil
}

// UploadPart sends the encrypted bytes of a part to its address: exactly its headers, no Authorization, never a redirect. open is called once, when the
// gate has opened, and what it returns is closed, at times while a Read is still under way; it must give exactly size bytes. Uploads may run in parallel.
//
// Only 201 is success: a firewall has been seen to answer 200 with HTML (KSeF issue threads, 2026). A part may be sent again to the same address.
// Nothing of the store's answer but its error code is kept, since it may quote the signature.
func (c *Client) UploadPart(ctx context.Context, p PartUpload, open func() (io.ReadCloser, error), size int64) error {
	u, err := p.check()
	k := call{
		op: fmt.Sprintf("upload part %d", p.Ordinal), group: GroupNone, err: err, method: p.Method, target: u, headers: p.Headers,
		open: open, size: size, success: http.StatusCreated, stream: true, within: p.Allowed,
	}
	if k.within <= 0 {
		k.within = PartTime
	}
	switch {
	case open == nil:
		k = k.bad(errors.New("body is required"))
	case size <= 0:
		k = k.bad(fmt.Errorf("size %d is not positive", size))
	}
	if u != nil && c.base.Scheme == "https" && u.Scheme != "https" {
		k = k.bad(fmt.Errorf("part %d: its address is not https although the gateway's is", p.Ordinal))
	}
	for _, h := range p.Headers {
		if http.CanonicalHeaderKey(h.Name) == "Content-Length" && h.Value != strconv.FormatInt(size, 10) {
			k = k.bad(fmt.Errorf("part %d: declared with another length than the %d bytes at hand", p.Ordinal, size))
		}
	}
	return c.pass(ctx, k, func(*answer) error { return nil })
}

// partHeaders sets exactly the given headers. Host and Content-Length are the request's own fields in net/http; an empty User-Agent keeps it from adding its own.
func partHeaders(req *http.Request, headers []Header) {
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
