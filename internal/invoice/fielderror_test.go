package invoice_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"ksefworker/internal/invoice"
)

func TestFieldError_Error_LeavesOutUnknownParts(t *testing.T) {
	for _, c := range []struct {
		err  invoice.FieldError
		want string
	}{
		{invoice.FieldError{Field: "P_1", Rule: "must be given"}, "field P_1: must be given"},
		{invoice.FieldError{Field: invoice.DocumentField, Rule: "must not be empty", Line: 1, Column: 1},
			"document: must not be empty at line 1, column 1"},
		{invoice.FieldError{Field: "P_1", Rule: "must be so", Value: "a\n\"b", Line: 3}, `field P_1: must be so: got "a\n\"b" at line 3`},
		{invoice.FieldError{Field: "P_1", Rule: "must be so", Hint: "fix it"}, "field P_1: must be so; fix it"},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func TestFieldError_Value_IsCutTo80Characters(t *testing.T) {
	for n, want := range map[int]string{
		79: strings.Repeat("Ż", 79), 80: strings.Repeat("Ż", 80),
		81: strings.Repeat("Ż", 79) + "…", 5000: strings.Repeat("Ż", 79) + "…",
	} {
		for _, field := range []string{"2026-11-23", "5265877635"} {
			_, err := invoice.Parse([]byte(with(t, field, strings.Repeat("Ż", n))))
			var f *invoice.FieldError
			if !errors.As(err, &f) || f.Value != want {
				t.Errorf("%d characters in place of %s give the fault %v, want the value %s", n, field, err, want)
			}
		}
	}
}

func TestFieldErrors_WrappedAndJoined_AreFound(t *testing.T) {
	a, b := &invoice.FieldError{Field: "a"}, &invoice.FieldError{Field: "b"}
	err := fmt.Errorf("read file: %w", errors.Join(a, fmt.Errorf("again: %w", b), errors.New("other")))
	got := invoice.FieldErrors(err)
	if len(got) != 2 || got[0] != a || got[1] != b {
		t.Errorf("FieldErrors = %v, want a and b", got)
	}
	if invoice.FieldErrors(nil) != nil || invoice.FieldErrors(errors.New("x")) != nil {
		t.Error("FieldErrors found a FieldError where there is none")
	}
}
