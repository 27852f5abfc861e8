package retry

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// ParseVerdict reads the reason of a verdict from the text that the queue keeps of a failure.
func TestVerdictError_IsReadBackWithItsReason(t *testing.T) {
	for _, c := range table() {
		if c.err == nil {
			continue
		}
		got := WithVerdict(fmt.Errorf("package pkg-1: %w", c.err))
		reason, what, ok := ParseVerdict(got.Error())
		if !ok || reason != c.want.Reason || !strings.Contains(what, "pkg-1") {
			t.Errorf("%s: %q is read as %q, %q, %v, want the reason of the verdict and a text with pkg-1", c.what, got, reason, what, ok)
		}
		if v := Judge(got); v != c.want {
			t.Errorf("%s: the verdict on the VerdictError is %+v, want %+v", c.what, v, c.want)
		}
	}
}

func TestVerdictError_OfALaterError_RepeatsNothing(t *testing.T) {
	err := WithVerdict(&LaterError{Delay: 5 * time.Second, Reason: ReasonProcessing, What: "session is 150"})
	if got := err.Error(); got != "waiting (processing): session is 150" {
		t.Errorf("the text is %q, want the text of the LaterError", got)
	}
	if WithVerdict(nil) != nil {
		t.Error("WithVerdict of nil is an error")
	}
}

func TestParseVerdict_OtherTexts_AreRefused(t *testing.T) {
	for _, text := range []string{"", "x", "waiting", "waiting: x", "waiting 5s", "waiting 5s (limit", "waiting soon (limit): x",
		"later (limit): x",
		"waiting 5s (no such reason): x", "again(other): x", errors.ErrUnsupported.Error()} {
		if reason, what, ok := ParseVerdict(text); ok {
			t.Errorf("%q is read as %q, %q, want it refused", text, reason, what)
		}
	}
	if reason, what, ok := ParseVerdict("waiting 5s (limit): x"); !ok || reason != ReasonLimit || what != "x" {
		t.Errorf("the text of an older build is read as %q, %q, %v, want limit and x", reason, what, ok)
	}
	if reason, what, ok := ParseVerdict("waiting (limit)"); !ok || reason != ReasonLimit || what != "" {
		t.Errorf("a text without a description is read as %q, %q, %v, want limit and nothing", reason, what, ok)
	}
}
