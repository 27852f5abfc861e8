package retry

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Told is the error of a task as the queue keeps it: its verdict stands in front, so that whoever
// reads the queue later knows why the task waits. [ReadTold] reads it back. The text MUST NOT carry
// a secret: the dashboard shows it.
type Told struct {
	Verdict
	Err error
}

// Tell puts the verdict on err in front of it. nil stays nil.
func Tell(err error) error {
	if err == nil {
		return nil
	}
	return &Told{Judge(err), err}
}

func (t *Told) Error() string {
	if later, ok := errors.AsType[*LaterError](t.Err); ok && error(later) == t.Err {
		return later.Error() // it has this form already
	}
	head := string(t.Action)
	if t.Action == Later {
		head = "waiting " + t.Delay.Round(time.Second).String()
	}
	return fmt.Sprintf("%s (%s): %s", head, t.Reason, t.Err)
}

// Unwrap returns the error without its verdict.
func (t *Told) Unwrap() error { return t.Err }

// ReadTold reads the text of a [Told] or a [LaterError]: the reason, and what was said about it.
// It reports false for any other text.
func ReadTold(text string) (reason Reason, what string, ok bool) {
	head, what, _ := strings.Cut(text, ": ")
	action, rest, found := strings.Cut(head, " (")
	if !found || !strings.HasSuffix(rest, ")") {
		return "", "", false
	}
	switch action {
	case string(Again), string(Never), string(LookFirst):
	default:
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
