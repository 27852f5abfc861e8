package schema

import (
	"bytes"
	"strconv"
	"strings"
)

// The texts of the rules. They are made only for a document that breaks one.

func (v *Value) lengthRule(n int) string {
	low, high := int(v.MinLength), int(v.MaxLength)
	switch {
	case n == 0:
		return "must not be empty"
	case low == high:
		return "must have exactly " + strconv.Itoa(low) + " characters"
	case n < low:
		return "must have at least " + strconv.Itoa(low) + " characters"
	}
	return "must have at most " + strconv.Itoa(high) + " characters"
}

// enumRule lists the allowed values when there are few.
func (v *Value) enumRule() string {
	const few = 12
	switch n := len(v.Enum); {
	case n == 1:
		return "must be " + v.Enum[0]
	case n <= few:
		return "must be " + strings.Join(v.Enum[:n-1], ", ") + " or " + v.Enum[n-1]
	case v.Name.Local != "":
		return "must be one of the " + strconv.Itoa(n) + " values of the schema's type " + v.Name.Local
	default:
		return "must be one of the " + strconv.Itoa(n) + " values of the schema"
	}
}

func (v *Value) numberRule(text []byte) (rule, hint string) {
	rule = "must be a number"
	if v.Kind == Integer {
		rule = "must be a whole number"
	}
	switch {
	case len(text) == 0:
		hint = "leave the element out when there is no value"
	case bytes.IndexByte(text, ',') >= 0:
		hint = "write a decimal point, not a comma"
	case bytes.IndexByte(text, ' ') >= 0:
		hint = "write the digits without spaces"
	}
	return rule, hint
}

func fractionRule(most int16) string {
	return "must have at most " + strconv.Itoa(int(most)) + " digits after the decimal point"
}

func totalRule(most int16) string {
	return "must have at most " + strconv.Itoa(int(most)) + " digits"
}

func (b *Bound) lowRule() string {
	if b.Open {
		return "must be more than " + b.Text
	}
	return "must be at least " + b.Text
}

func (b *Bound) highRule() string {
	if b.Open {
		return "must be less than " + b.Text
	}
	return "must be at most " + b.Text
}

func (v *Value) momentRule() (rule, hint string) {
	if v.Kind == Date {
		return "must be a valid date, YYYY-MM-DD", "write it like 2026-11-23"
	}
	return "must be a valid date and time, YYYY-MM-DDThh:mm:ssZ", "write it like 2026-11-23T08:15:00Z"
}

func (v *Value) patternRule(p *Pattern) (rule, hint string) {
	if v.Kind == Date {
		return v.momentRule()
	}
	if v.Kind == Decimal || v.Kind == Integer {
		hint = "without leading zeros or a plus sign, and no longer than the pattern allows"
	}
	return "must match the pattern " + p.Source, hint
}
