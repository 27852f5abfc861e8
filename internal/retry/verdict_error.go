package retry

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// VerdictError is the error of a task in the form that the queue keeps. Its text begins with the
// verdict, so that a reader of the queue knows why the task waits. [ParseVerdict] reads the text
// back. The text MUST NOT contain a secret, because the dashboard shows it.
type VerdictError struct {
	Verdict
	Err error
}

// WithVerdict wraps err in a [VerdictError] with the verdict on err. It returns nil for nil.
func WithVerdict(err error) error {
	if err == nil {
		return nil
	}
	return &VerdictError{Judge(err), err}
}

func (e *VerdictError) Error() string {
	if later, ok := errors.AsType[*LaterError](e.Err); ok && error(later) == e.Err {
		return later.Error() // its text has this form already
	}
	head := string(e.Action)
	switch e.Action {
	case Later:
		head = "waiting"
	case Never: // the same request is not sent again, but the task runs again, with another key or session
		head = string(Again)
	}
	return fmt.Sprintf("%s (%s): %s", head, e.Reason, e.Err)
}

// Unwrap returns the error without its verdict.
func (e *VerdictError) Unwrap() error { return e.Err }

// ParseVerdict splits the text of a [VerdictError] or a [LaterError] into the reason and the text
// after it. It returns false for any other text.
func ParseVerdict(text string) (reason Reason, what string, ok bool) {
	head, what, _ := strings.Cut(text, ": ")
	action, rest, found := strings.Cut(head, " (")
	if !found || !strings.HasSuffix(rest, ")") {
		return "", "", false
	}
	switch action {
	case string(Again), string(Never), string(LookFirst), "waiting":
	default: // an older build also wrote the length of the wait
		delay, waits := strings.CutPrefix(action, "waiting ")
		if _, err := time.ParseDuration(delay); !waits || err != nil {
			return "", "", false
		}
	}
	reason = Reason(strings.TrimSuffix(rest, ")"))
	for _, known := range Reasons() {
		if reason == known {
			return reason, what, true
		}
	}
	return "", "", false
}
