package oidc

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/oauth2"
)

// Reason says why a login failed. The list is closed, because the page has words for each reason.
type Reason string

// The reasons.
const (
	Unreachable Reason = "unreachable" // no answer, or an answer of a broken provider or of another server
	Denied      Reason = "denied"      // the provider or the person said no
	Stale       Reason = "stale"       // the answer belongs to no unfinished login of this browser
	Untrusted   Reason = "untrusted"   // what the provider said failed a check
	Setup       Reason = "setup"       // this program or the provider is configured wrongly
)

// Error is why a login failed. Its text is for the log, so it holds no secret, token or code.
type Error struct {
	Reason Reason
	Err    error
}

// Error returns the text for the log.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

func fault(r Reason, format string, args ...any) *Error {
	return &Error{r, fmt.Errorf(format, args...)}
}

// maxFault bounds the text of an error, in bytes, because libraries quote the answers of a sick
// provider.
const maxFault = 300

// short returns an error with a text that fits into a line of the log. The text of another program
// may contain anything.
func short(err error) error {
	text := strings.Join(strings.FieldsFunc(err.Error(), func(r rune) bool { return r <= ' ' || r == 0x7f }), " ")
	if len(text) > maxFault {
		text = strings.ToValidUTF8(text[:maxFault], "") + "…"
	}
	return errors.New(text)
}

// ofToken returns why a code was not exchanged for a token. The error of the library quotes the
// whole answer, which may hold anything. The status and the code of RFC 6749, section 5.2, say
// enough.
func ofToken(err error) *Error {
	refused, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		return &Error{Unreachable, fmt.Errorf("ask the token endpoint: %w", short(err))}
	}
	said := fmt.Sprintf("the token endpoint answered %d %s", refused.Response.StatusCode, word(refused.ErrorCode))
	switch {
	case refused.ErrorCode == "invalid_grant":
		return fault(Stale, "%s: the code is used, too old, or not of this login", said)
	case refused.ErrorCode == "invalid_client" || refused.ErrorCode == "unauthorized_client" || refused.Response.StatusCode == 401:
		return fault(Setup, "%s: compare client_id, client_secret_file and the client's settings at the provider", said)
	case refused.Response.StatusCode >= 500 || refused.ErrorCode == "":
		return fault(Unreachable, "%s", said)
	}
	return fault(Setup, "%s", said)
}

// word returns a code of an error, or "?" when it is empty, too long, or has characters that no
// code of the standard has.
func word(s string) string {
	if s == "" || len(s) > 60 || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz_") != "" {
		return "?"
	}
	return s
}
