package tasks

import (
	"strings"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/internal/queue"
	"ksefworker/internal/retry"
	"ksefworker/internal/tracing"
)

// tenantError adds the tenant of a task to its error, for the log. It changes nothing else of the
// error.
type tenantError struct {
	error
	tenant string
}

func aboutTenant(tenant string, err error) error {
	if err == nil {
		return nil
	}
	return &tenantError{err, tenant}
}

func (e *tenantError) of() string {
	if e == nil {
		return ""
	}
	return e.tenant
}

// Unwrap returns the error without the tenant.
func (e *tenantError) Unwrap() error { return e.error }

// waitsAgain is how long it takes until the log repeats that the tasks of a tenant wait for the
// same reason.
const waitsAgain = 12 * time.Hour

// logVerdict logs the outcome of a task. A reason for which the tasks of a tenant wait is logged
// once, and then rarely. Every single wait is logged at level debug.
func (c *core) logVerdict(kind queue.Kind, id, tenant string, v retry.Verdict, err error) {
	level, message := zerolog.WarnLevel, err.Error()
	switch {
	case v.Reason == retry.ReasonUnreadable:
		message = "cannot understand an answer: " + message // the log of the process repeats this rarely
	case v.Action == retry.Never && !c.rarely.due("never "+tenant+" "+string(v.Reason), c.o.Now()):
		level = zerolog.DebugLevel // the entry has the reason, and the task is tried again all the same
	case v.Action == retry.Later:
		level = zerolog.DebugLevel
		if c.rarely.dueEvery(waitsAgain, "later "+tenant+" "+string(v.Reason), c.o.Now()) {
			level = zerolog.InfoLevel
		}
	}
	action := v.Action
	if action == retry.Never {
		action = retry.Again // the request is not repeated as it is, but its task is run again
	}
	e := c.o.Log.WithLevel(level).Str("task", string(kind)).Str("id", id)
	if v.Delay > 0 {
		e = e.Time("until", c.o.Now().Add(v.Delay))
	}
	if tenant != "" {
		e = e.Str("tenant", tenant)
	}
	if strings.HasPrefix(id, "inv-") || strings.HasPrefix(id, "pkg-") {
		e = e.Str("trace_id", tracing.IDText(id)) // the same as in the log of the entry's changes
	}
	e.Str("verdict", string(action)).Str("reason", string(v.Reason)).Msg(message)
}
