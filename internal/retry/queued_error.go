package retry

import (
	"errors"
	"strings"

	"ksefworker/internal/ksef"
)

// QueuedError is the error of a task, with a text that the queue may keep. The queue stores the
// text unencrypted. KSeF's own words may quote an invoice, so the text leaves them out. They are in
// the log and, sealed, in the ledger. The rest of the error is unchanged.
type QueuedError struct {
	Err  error
	text string
}

// ForQueue wraps err in a [QueuedError]. It returns nil for nil.
func ForQueue(err error) error {
	if err == nil {
		return nil
	}
	text := ksef.OwnWords(err)
	if later, ok := errors.AsType[*LaterError](err); ok && later.Said != "" {
		text = strings.ReplaceAll(text, later.said(), ksef.DetailsInLog)
	}
	if _, what, ok := ParseVerdict(err.Error()); ok {
		if _, _, kept := ParseVerdict(text); !kept {
			text = strings.TrimSuffix(err.Error(), what) + text
		}
	}
	return &QueuedError{Err: err, text: text}
}

func (e *QueuedError) Error() string { return e.text }

// Unwrap returns the error with all its words.
func (e *QueuedError) Unwrap() error { return e.Err }

// Withheld returns the whole text of an error, without its verdict, when the queue keeps only a
// part of that text. It returns "" when the queue keeps all of it. err is an error that [ForQueue]
// has returned.
func Withheld(err error) string {
	queued, ok := errors.AsType[*QueuedError](err)
	if !ok || queued.text == queued.Err.Error() {
		return ""
	}
	text := queued.Err.Error()
	if _, what, ok := ParseVerdict(text); ok {
		return what
	}
	return text
}

// Told returns the text of a task's error for a person. said is what [Withheld] returned when the
// queue took the error, or "" if unknown.
func Told(queued, said string) string {
	if said == "" || !strings.Contains(queued, ksef.DetailsInLog) {
		return queued
	}
	return said
}
