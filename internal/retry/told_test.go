package retry

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// What the queue keeps of a failure is read back with the reason that it was judged by.
func TestTold_IsReadBackWithItsReason(t *testing.T) {
	for _, c := range table() {
		if c.err == nil {
			continue
		}
		told := Tell(fmt.Errorf("package pkg-1: %w", c.err))
		reason, what, ok := ReadTold(told.Error())
		if !ok || reason != c.want.Reason || !strings.Contains(what, "pkg-1") {
			t.Errorf("%s: %q is read as %q, %q, %v", c.what, told, reason, what, ok)
		}
		if got := Judge(told); got != c.want {
			t.Errorf("%s: told it is judged %+v, want %+v", c.what, got, c.want)
		}
	}
}

func TestTold_SaysItOnce(t *testing.T) {
	err := Tell(&LaterError{Delay: 5 * time.Second, Reason: ReasonProcessing, What: "session is 150"})
	if got := err.Error(); got != "waiting 5s (processing): session is 150" {
		t.Errorf("%q", got)
	}
	if Tell(nil) != nil {
		t.Error("nil is told")
	}
}

func TestReadTold_OtherTexts_AreNone(t *testing.T) {
	for _, text := range []string{"", "x", "waiting", "waiting 5s", "waiting 5s (limit", "waiting soon (limit): x", "later (limit): x",
		"waiting 5s (no such reason): x", "again(other): x", errors.ErrUnsupported.Error()} {
		if reason, what, ok := ReadTold(text); ok {
			t.Errorf("%q is read as %q, %q", text, reason, what)
		}
	}
	if reason, what, ok := ReadTold("waiting 5s (limit)"); !ok || reason != ReasonLimit || what != "" {
		t.Errorf("one without words is read as %q, %q, %v", reason, what, ok)
	}
}
