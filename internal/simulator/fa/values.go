package fa

import (
	"fmt"
	"math/big"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// fault returns what is wrong with a text, "" when nothing is.
func (t *textType) fault(text string) string {
	if len(t.members) > 0 {
		for _, m := range t.members {
			if m.fault(text) == "" {
				return ""
			}
		}
		return "is of no type that is allowed"
	}
	text = t.spaced(text)
	switch {
	case t.isNumber:
		if fault := t.number(text); fault != "" {
			return fault
		}
	case t.Base == "date" || t.Base == "dateTime":
		if fault := t.date(text); fault != "" {
			return fault
		}
	default:
		if n := utf8.RuneCountInString(text); n < t.shortest || t.longest >= 0 && n > t.longest {
			return fmt.Sprintf("has %d characters, %d to %d are allowed", n, t.shortest, t.longest)
		}
		if t.allowed != nil && !t.allowed[text] {
			return "is not in the list"
		}
	}
	patterns := t.patterns
	if isASCII(text) {
		patterns = t.ascii
	}
	for _, p := range patterns {
		if !p.MatchString(text) {
			return "does not have the form of the schema"
		}
	}
	return ""
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func isSpace(r rune) bool { return r == ' ' || r == '\t' || r == '\n' || r == '\r' }

var zoneAtEnd = regexp.MustCompile(`(Z|[+-][0-9]{2}:[0-9]{2})$`)

// spaced treats white space as the type demands.
func (t *textType) spaced(text string) string {
	if singleSpaced(text) {
		return text
	}
	switch {
	case t.Base == "date" && len(t.patterns) == 0:
		return text
	case t.Base == "dateTime":
		// White space is accepted only after a time zone, as by xmllint.
		if end := strings.TrimRightFunc(text, isSpace); zoneAtEnd.MatchString(end) {
			return end
		}
		return text
	case t.isNumber || t.Base == "token" || t.Base == "date" || t.WhiteSpace == "collapse":
		return strings.Join(strings.FieldsFunc(text, isSpace), " ")
	case t.Base == "normalizedString" || t.WhiteSpace == "replace":
		return strings.NewReplacer("\t", " ", "\n", " ", "\r", " ").Replace(text)
	}
	return text
}

// singleSpaced reports whether a text stays the same under any treatment of white space. Such a
// text has only single blanks, and none at its ends. Nearly every text is like that.
func singleSpaced(text string) bool {
	blank := true // before the text
	for i := range len(text) {
		switch text[i] {
		case '\t', '\n', '\r':
			return false
		case ' ':
			if blank {
				return false
			}
			blank = true
		default:
			blank = false
		}
	}
	return !blank || text == ""
}

func (t *textType) number(text string) string {
	unsigned := strings.TrimPrefix(text, "-")
	if unsigned == text {
		unsigned = strings.TrimPrefix(text, "+")
	}
	front, back, point := strings.Cut(unsigned, ".")
	if strings.Trim(front, "0123456789") != "" || strings.Trim(back, "0123456789") != "" || front+back == "" || point && t.isWhole {
		return "is not a number"
	}
	front = strings.TrimLeft(front, "0")
	if len(front)+len(back) > 24 {
		return "has more than 24 digits"
	}
	back = strings.TrimRight(back, "0")
	if t.fractional >= 0 && len(back) > t.fractional || t.total >= 0 && len(front)+len(back) > t.total {
		return "has too many digits"
	}
	if t.allowed != nil {
		if front == "" {
			front = "0"
		}
		if text[0] == '-' && front != "0" {
			front = "-" + front
		}
		if !t.allowed[front] {
			return "is not in the list"
		}
	}
	if t.low == nil && t.high == nil {
		return ""
	}
	value, ok := new(big.Rat).SetString(strings.TrimSuffix(text, "."))
	if !ok {
		return "is not a number"
	}
	if t.low != nil && (value.Cmp(t.low) < 0 || t.openLow && value.Cmp(t.low) == 0) || t.high != nil && value.Cmp(t.high) > 0 {
		return "is out of range"
	}
	return ""
}

// momentForm is the form of a date, or of a date and time. It also checks the form of the time
// zone, because package time would accept other forms.
var momentForm = regexp.MustCompile(`^-?[0-9]{4,}-[0-9]{2}-[0-9]{2}(?:T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?)?(Z|[+-](?:0[0-9]|1[0-3]):[0-5][0-9]|[+-]14:00)?$`)

func (t *textType) date(text string) string {
	m := momentForm.FindStringSubmatch(text)
	if m == nil || strings.Contains(text, "T") != (t.Base == "dateTime") {
		return "is not a date of the schema"
	}
	at, err := parseMoment(text, m[1])
	if err != nil {
		return "is not a date that exists"
	}
	for _, bound := range []struct {
		text string
		sign int
	}{{t.MinInclusive, -1}, {t.MaxInclusive, 1}} {
		if bound.text == "" {
			continue
		}
		zone := ""
		if strings.HasSuffix(bound.text, "Z") {
			zone = "Z"
		}
		limit, err := parseMoment(bound.text, zone)
		if err != nil {
			panic(err)
		}
		if order := at.Compare(limit); order == bound.sign || order == 0 && zone != "" && m[1] == "" {
			return "is out of range"
		}
	}
	return ""
}

// parseMoment reads a date with or without time and zone. Without a zone, or with the zone Z,
// 24:00:00 is the last nanosecond of its day. With any other zone it is the first instant of the
// next day.
func parseMoment(text, zone string) (time.Time, error) {
	text = strings.TrimSuffix(text, zone)
	day, clock, timed := strings.Cut(text, "T")
	end := strings.TrimRight(clock, "0.") == "24:00:" || clock == "24:00:00"
	if end {
		clock = "23:59:59.999999999"
	}
	layout := "2006-01-02"
	if timed {
		layout, day = layout+"T15:04:05", day+"T"+clock
	}
	if zone == "Z" || zone == "" {
		return time.Parse(layout, day)
	}
	at, err := time.Parse(layout+"-07:00", day+zone)
	if end {
		at = at.Add(time.Nanosecond)
	}
	return at, err
}
