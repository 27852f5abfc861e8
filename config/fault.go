package config

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// FieldError is one fault of a configuration. Load returns all faults joined. errors.As finds the
// first fault, and unwrapping to []error finds all.
type FieldError struct {
	// Field is the path of the key, such as packages.max_wait or tenants[0].nip. When a variable
	// cannot be read or applied, Field is the name of the variable. When no key fits the fault,
	// Field is the line of the file, such as "line 7", or "file".
	Field string
	// Value is the given value; nil or "" when it is missing or not shown. Never a secret.
	Value any
	// Err says what is wrong and what would be correct.
	Err error
}

// Error returns "field: value what is wrong".
func (e *FieldError) Error() string {
	if e.Value == nil || e.Value == "" {
		return fmt.Sprintf("%s: %v", e.Field, e.Err)
	}
	return fmt.Sprintf("%s: %v %v", e.Field, e.Value, e.Err)
}

// Unwrap returns Err.
func (e *FieldError) Unwrap() error { return e.Err }

// faults collects all faults, so that an operator can fix them in one pass.
type faults struct{ all []error }

func (f *faults) add(field string, value any, err error) {
	f.all = append(f.all, &FieldError{Field: field, Value: value, Err: err})
}

func (f *faults) duration(field string, d, lowest, highest time.Duration) {
	if d < lowest || d > highest {
		f.add(field, d, fmt.Errorf("must be between %s and %s", span(lowest), span(highest)))
	}
}

func (f *faults) count(field string, n, lowest, highest int) {
	if n < lowest || n > highest {
		f.add(field, n, fmt.Errorf("must be between %d and %d", lowest, highest))
	}
}

func (f *faults) size(field string, s, lowest, highest Size) {
	if s < lowest || s > highest {
		f.add(field, s, fmt.Errorf("must be between %s and %s", lowest, highest))
	}
}

// printable refuses control characters, which would break a header or a log line. The error shows
// the value quoted.
func (f *faults) printable(field, s string) {
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		f.add(field, strconv.Quote(s), errors.New("contains a control character"))
	}
}

func (f *faults) hostPort(field, s string) {
	_, port, err := net.SplitHostPort(s)
	if err != nil {
		f.add(field, s, errors.New("must be host:port"))
		return
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		f.add(field, s, errors.New("must end in a port between 0 and 65535"))
	}
}

// span formats a duration without zeros at the end: 24h, not 24h0m0s.
func span(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
