package ksef

import (
	"context"
	"errors"
	"io"
	"net/url"
	"regexp"
	"strings"
	"unicode"
)

var (
	urlQuery = regexp.MustCompile(`(https?://[^\s?"'<>]*)\?[^\s"'<>]*`)
	// signature catches a query that was torn from its URL: the stores of parts quote it when they refuse a signature.
	signature = regexp.MustCompile(`(?i)\b(sig|signature|x-amz-[a-z-]+|token)=[^\s&"'<>]+`)
	// markup reaches to the end: what follows a cut-off piece of the invoice is still the invoice.
	markup  = regexp.MustCompile(`(?s)<[A-Za-z/?!].*`)
	longRun = regexp.MustCompile(`[A-Za-z0-9+/_=-]{64,}`)
)

// maxText bounds a text of the other side, in bytes. KSeF's own messages are a few hundred bytes long.
const maxText = 4096

// scrub takes the credentials of a request and all URL queries out of a text that came from the other side: a proxy may echo what it was sent.
func (c credentials) scrub(s string) string {
	if c.key != "" {
		s = strings.ReplaceAll(s, c.token(), "[redacted]")
		s = strings.ReplaceAll(s, c.key, "[redacted]")
	}
	return clip(scrubURLs(s), maxText) // last: a cut through a secret would hide it from the search
}

func scrubURLs(s string) string {
	s = urlQuery.ReplaceAllString(s, "$1?[redacted]")
	return signature.ReplaceAllString(s, "$1=[redacted]")
}

// printable makes a text of the other side fit for a log line: no markup (it may be a piece of the invoice), no long Base64, one line, short.
func printable(s string) string {
	s = markup.ReplaceAllString(s, "[markup]")
	s = longRun.ReplaceAllString(s, "[data]")
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
	return clip(s, 400)
}

// clip cuts at a rune's beginning.
func clip(s string, limit int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= limit {
		return s
	}
	for limit > 0 && s[limit]&0xC0 == 0x80 {
		limit--
	}
	return s[:limit] + "…"
}

// plainError replaces an error whose text is not fit to be shown. It still answers errors.Is for the causes that callers look for.
type plainError struct {
	text   string
	causes []error
}

func (e *plainError) Error() string   { return e.text }
func (e *plainError) Unwrap() []error { return e.causes }

// cleanse makes a transport's error safe to keep. *url.Error names the whole URL, a pre-signed one included, so it is stripped; should a secret sit
// deeper, the chain is given up for its scrubbed text.
func (c credentials) cleanse(err error, target *url.URL) error {
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
		clean = strings.ReplaceAll(clean, target.RawQuery, "[redacted]")
	}
	if u := (*url.Error)(nil); clean == text && !errors.As(err, &u) {
		return err
	}
	plain := &plainError{text: clean}
	for _, known := range []error{context.Canceled, context.DeadlineExceeded, ErrTimeout, io.EOF, io.ErrUnexpectedEOF} {
		if errors.Is(err, known) {
			plain.causes = append(plain.causes, known)
		}
	}
	return plain
}
