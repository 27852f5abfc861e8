package invoice

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
)

// DocumentField is the value of FieldError.Field when the fault concerns the document as a whole.
const DocumentField = "document"

// maxValueRunes keeps errors readable and invoice content out of logs: 80 characters are enough to
// recognise a value and too few to copy a document.
const maxValueRunes = 80

// maxTextRunes bounds the other texts of a fault. They may name elements and attributes of the
// document, and a name in XML may be as long as the document. The ledger's records of refused
// documents and the answers over HTTP have these texts in them.
const maxTextRunes = 400

// FieldError is one fault of one invoice. Parse and Check return one, or several joined. errors.As
// finds the first, and FieldErrors returns all.
type FieldError struct {
	// Field is the KSeF element at fault ("P_1", "Podmiot1/NIP"), or DocumentField. For a syntax
	// error it is the innermost open element. Field, Rule and Hint are cut to 400 characters.
	Field string
	// Rule completes the sentence "field P_1 …", for example with "must not be later than today".
	Rule string
	// Value is what was found, cut to 80 characters. It is empty when something is missing.
	Value string
	// Hint says how to fix the fault. It may be empty.
	Hint string
	// Unsupported says that this program cannot send documents of this form. The document itself
	// may be correct.
	Unsupported bool
	// Line and Column count from 1, columns in characters. 0 means unknown.
	Line, Column int
	// Offset is the byte offset of the position, from 0.
	Offset int64
}

// Error has the shape
//
//	field P_1: must be a valid date, YYYY-MM-DD: got "2026-11-31" at line 12, column 9; hint
//
// and leaves out the parts that are unknown.
func (e *FieldError) Error() string {
	var b strings.Builder
	if e.Field != DocumentField {
		b.WriteString("field ")
	}
	b.WriteString(e.Field)
	b.WriteString(": ")
	b.WriteString(e.Rule)
	if e.Value != "" {
		b.WriteString(": got ")
		b.WriteString(strconv.Quote(e.Value))
	}
	if e.Line > 0 {
		b.WriteString(" at line ")
		b.WriteString(strconv.Itoa(e.Line))
		if e.Column > 0 {
			b.WriteString(", column ")
			b.WriteString(strconv.Itoa(e.Column))
		}
	}
	if e.Hint != "" {
		b.WriteString("; ")
		b.WriteString(e.Hint)
	}
	return b.String()
}

// FieldErrors returns every FieldError in err's tree in the order in which they were joined, and
// nil when there is none.
func FieldErrors(err error) []*FieldError {
	switch e := err.(type) {
	case nil:
		return nil
	case *FieldError:
		return []*FieldError{e}
	case interface{ Unwrap() []error }:
		var all []*FieldError
		for _, one := range e.Unwrap() {
			all = append(all, FieldErrors(one)...)
		}
		return all
	default:
		return FieldErrors(errors.Unwrap(err))
	}
}

// joinFaults returns a single fault as itself, so that "%v" prints one line and a type switch
// works.
func joinFaults(faults []*FieldError) error {
	switch len(faults) {
	case 0:
		return nil
	case 1:
		return faults[0]
	}
	errs := make([]error, len(faults))
	for i, f := range faults {
		errs[i] = f
	}
	return errors.Join(errs...)
}

// bound shortens the texts of a fault.
func (e *FieldError) bound() *FieldError {
	e.Value = shorten(e.Value)
	for _, text := range []*string{&e.Field, &e.Rule, &e.Hint} {
		*text = Shorten(*text, maxTextRunes)
	}
	return e
}

// shorten cuts value to maxValueRunes characters.
func shorten(value string) string { return Shorten(value, maxValueRunes) }

// Shorten cuts a text to a maximum number of characters and marks the cut with "…".
func Shorten(value string, longest int) string {
	if len(value) <= longest {
		return value
	}
	n := 0
	for i := range value {
		if n == longest-1 {
			// If this is the last character, the whole value fits.
			if _, size := utf8.DecodeRuneInString(value[i:]); i+size == len(value) {
				return value
			}
			return value[:i] + "…"
		}
		n++
	}
	return value
}
