package httponce

import (
	"context"
	"errors"
	"io"
	"net/url"
	"regexp"
	"strings"

	"ksefworker/internal/ksef"
)

// Credentials authorize one request. They are read for this request and live only as long as it
// does.
type Credentials struct {
	Header string // the value of Authorization
	// Secrets are removed from whatever the other side answers. Header is always removed and need
	// not be listed here.
	Secrets []string
}

const redacted = "[redacted]"

var (
	traceNumber = regexp.MustCompile(`^[A-Za-z0-9:.-]{1,80}$`)
	urlQuery    = regexp.MustCompile(`(https?://[^\s?"'<>]*)\?[^\s"'<>]*`)
	// signature matches a query that was torn from its URL: the stores of parts quote it when they
	// refuse a signature.
	signature = regexp.MustCompile(`(?i)\b(sig|signature|x-amz-[a-z-]+|token)=[^\s&"'<>]+`)
)

// maxText bounds a text of the other side, in bytes. KSeF's own messages are a few hundred bytes
// long.
const maxText = 4096

// scrub removes the Credentials of a request and all URL queries from a text of the other side,
// because a proxy may echo the request.
func (c Credentials) scrub(s string) string {
	for _, secret := range append([]string{c.Header}, c.Secrets...) {
		if secret != "" {
			s = strings.ReplaceAll(s, secret, redacted)
		}
	}
	return ksef.Clip(scrubURLs(s), maxText) // last: a cut through a secret would hide it from the search
}

// cleanTrace returns s if it has the form of the number by which the Ministry finds a request,
// otherwise "". The result goes into logs.
func cleanTrace(s string) string {
	if !traceNumber.MatchString(s) {
		return ""
	}
	return s
}

func scrubURLs(s string) string {
	s = urlQuery.ReplaceAllString(s, "$1?"+redacted)
	return signature.ReplaceAllString(s, "$1="+redacted)
}

// plainError replaces an error whose text must not be shown. It still answers errors.Is for the
// causes that callers look for.
type plainError struct {
	text   string
	causes []error
}

func (e *plainError) Error() string   { return e.text }
func (e *plainError) Unwrap() []error { return e.causes }

// cleanse makes a transport's error safe to keep. *url.Error names the whole URL, even a pre-signed
// one, so it is unwrapped. If a secret or another *url.Error lies deeper, only the scrubbed text
// and the known causes are kept.
func (c Credentials) cleanse(err error, target *url.URL) error {
	for {
		u, ok := err.(*url.Error)
		if !ok {
			break
		}
		err = u.Err
	}
	text := err.Error()
	clean := c.scrub(text)
	if strings.Contains(text, "malformed") { // net/http quotes the line that it could not read
		clean = "malformed HTTP answer"
	}
	if target != nil && target.RawQuery != "" {
		clean = strings.ReplaceAll(clean, target.RawQuery, redacted)
	}
	if u := (*url.Error)(nil); clean == text && !errors.As(err, &u) {
		return err
	}
	plain := &plainError{text: clean}
	for _, known := range []error{
		context.Canceled, context.DeadlineExceeded, ksef.ErrTimeout, io.EOF, io.ErrUnexpectedEOF,
	} {
		if errors.Is(err, known) {
			plain.causes = append(plain.causes, known)
		}
	}
	return plain
}
