package ksef

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"ksefworker/internal/ksef/numbers"
)

// Header is one header of a part's upload.
type Header struct {
	Name  string
	Value string
}

// PartUpload tells where and how a part is sent. URL and Headers are secrets, because whoever has
// them can upload. A PartUpload prints, and encodes to JSON, without them.
type PartUpload struct {
	Ordinal int
	Method  string
	URL     string
	Headers []Header
	// Allowed is how long the upload may take. 0 means numbers.PartTime.
	Allowed time.Duration
}

// Host returns the host to which the part goes, which is not secret. It returns "" when the address
// is not a URL.
func (p PartUpload) Host() string {
	u, err := url.Parse(p.URL)
	if err != nil {
		return ""
	}
	return u.Host
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

// Address returns the URL that the part is sent to, or the first fault of address, method and
// headers. The error never quotes what it refuses.
func (p PartUpload) Address() (*url.URL, error) {
	u, err := url.Parse(p.URL)
	switch {
	case err != nil, u.Host == "", u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("part %d: its address is not an absolute http or https URL", p.Ordinal)
	case !token.MatchString(p.Method):
		return nil, fmt.Errorf("part %d: its method is not an HTTP method", p.Ordinal)
	}
	for i, h := range p.Headers {
		if !token.MatchString(h.Name) || !utf8.ValidString(h.Value) || strings.ContainsFunc(h.Value, unicode.IsControl) {
			return nil, fmt.Errorf("part %d: header %d can't be sent", p.Ordinal, i)
		}
	}
	return u, nil
}

// MatchUploads brings the uploads of an answer into the order of the parts that were declared. It
// returns an error when one is missing, or has no address that can be used. Each upload may take
// the time that KSeF gives all parts together: [numbers.PartTime] times the number of parts.
func MatchUploads(parts []BatchPart, uploads []PartUpload) ([]PartUpload, error) {
	if len(parts) != len(uploads) {
		return nil, fmt.Errorf("answer has %d part uploads for %d parts", len(uploads), len(parts))
	}
	by := make(map[int]PartUpload, len(uploads))
	for _, u := range uploads {
		if _, err := u.Address(); err != nil {
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
		u.Allowed = numbers.PartTime * time.Duration(len(parts))
		out = append(out, u)
	}
	return out, nil
}
