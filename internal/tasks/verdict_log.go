package tasks

import (
	"time"

	"github.com/rs/zerolog"

	"ksefworker/internal/retry"
)

// ofTenant says whose work a task was about, for the log. It changes nothing about the error.
type ofTenant struct {
	error
	tenant string
}

func aboutTenant(tenant string, err error) error {
	if err == nil {
		return nil
	}
	return &ofTenant{err, tenant}
}

func (e *ofTenant) of() string {
	if e == nil {
		return ""
	}
	return e.tenant
}

// Unwrap returns the error.
func (e *ofTenant) Unwrap() error { return e.error }

// waitsAgain is how often it is told again that a tenant's tasks wait for the same.
const waitsAgain = 12 * time.Hour

// logVerdict tells what a task came to. That something waits is told once for each tenant and reason,
// and then rarely; every single wait is a line for debugging.
func (w *Worker) logVerdict(kind Kind, id, tenant string, v retry.Verdict, err error) {
	level, message := zerolog.WarnLevel, err.Error()
	switch {
	case v.Reason == retry.ReasonUnreadable:
		message = "cannot understand an answer: " + message // thinned out: see the process's log
	case v.Action == retry.Never && !w.rarely.due("never "+tenant+" "+string(v.Reason), w.o.Now()):
		level = zerolog.DebugLevel // the entry has the reason; it is tried again all the same
	case v.Action == retry.Later:
		level = zerolog.DebugLevel
		if w.rarely.dueEvery(waitsAgain, "later "+tenant+" "+string(v.Reason), w.o.Now()) {
			level = zerolog.InfoLevel
		}
	}
	e := w.o.Log.WithLevel(level).Str("task", string(kind)).Str("id", id)
	if tenant != "" {
		e = e.Str("tenant", tenant)
	}
	e.Str("verdict", string(v.Action)).Str("reason", string(v.Reason)).Msg(message)
}
