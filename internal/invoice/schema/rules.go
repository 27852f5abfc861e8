package schema

import (
	"strconv"
	"unicode"
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

func (v *Value) numberRule(text []byte) (rule, hint string) {
	rule = "must be a number"
	if v.Kind == Integer {
		rule = "must be a whole number"
	}
	return rule, numberHint(text, v.Kind == Integer)
}

// numberHint says how to write a text as a number.
func numberHint(text []byte, integer bool) string {
	var blank, comma, point, other bool
	for _, r := range string(text) {
		switch {
		case unicode.IsSpace(r):
			blank = true
		case r == ',':
			comma = true
		case r == '.':
			point = true
		case r < '0' || r > '9':
			other = other || r != '-' && r != '+'
		}
	}
	switch {
	case len(text) == 0:
		return "leave the element out when there is no value"
	case integer && blank && !comma && !point && !other:
		return "write the digits without spaces"
	case integer:
		return "write digits alone"
	case other || comma && point:
		return "write digits and a decimal point alone, like 1040.00"
	case comma && blank:
		return "write a decimal point, not a comma, and the digits without spaces"
	case comma:
		return "write a decimal point, not a comma"
	case blank:
		return "write the digits without spaces"
	}
	return ""
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

// RulePattern begins the rule of a text that does not match the pattern of its type.
const RulePattern = "must match the pattern "

func (v *Value) patternRule(p *Pattern) (rule, hint string) {
	if v.Kind == Date {
		return v.momentRule()
	}
	if v.Kind == Decimal || v.Kind == Integer {
		hint = "without leading zeros or a plus sign, and no longer than the pattern allows"
	}
	return RulePattern + p.Source, hint
}
