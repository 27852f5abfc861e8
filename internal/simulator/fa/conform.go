package fa

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"math/big"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// breach keeps the first breach of the schema, with the path of the element at a depth.
func (d *document) breach(depth int, format string, args ...any) {
	if d.broken == "" {
		path := strings.Join(d.names[min(1, depth):depth+1], "/")
		d.broken = path + ": " + fmt.Sprintf(format, args...)
	}
}

// open makes room for an element at a depth.
func (d *document) open(depth int, name string) {
	if depth == len(d.names) {
		d.names, d.rows, d.chars = append(d.names, ""), append(d.rows, nil), append(d.chars, nil)
	}
	d.names[depth], d.rows[depth], d.chars[depth] = name, d.rows[depth][:0], d.chars[depth][:0]
}

// admit finds the type of an element that begins and checks its attributes. Inside an element that
// is not in the schema nothing is checked.
func (d *document) admit(parent, l *level, t xml.StartElement, own bool) {
	if parent != nil {
		l.depth = parent.depth + 1
	}
	d.open(l.depth, t.Name.Local)
	if parent != nil {
		switch {
		case parent.content == nil && parent.value == nil:
			return
		case parent.content == nil || parent.content.text != nil:
			d.breach(parent.depth, "has an element in its text")
			return
		}
		c, known := parent.content.child[t.Name.Local]
		if !known || !own {
			d.breach(l.depth, "is not in the schema")
			return
		}
		d.rows[parent.depth] = append(d.rows[parent.depth], c.letter)
		l.content, l.value, l.fixed = c.content, c.text, c.fixed
	}
	d.attributes(l, t.Attr)
}

const instanceSpace = "http://www.w3.org/2001/XMLSchema-instance"

func (d *document) attributes(l *level, attrs []xml.Attr) {
	var known map[string]attribute
	if l.content != nil {
		known = l.content.attrs
	}
	given := 0
	for _, a := range attrs {
		if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
			continue
		}
		if a.Name.Space != "" {
			space, err := l.resolve(a.Name.Space)
			if err == nil && space == instanceSpace && strings.HasSuffix(strings.ToLower(a.Name.Local), "schemalocation") {
				continue
			}
			d.breach(l.depth, "has the attribute %s:%s", a.Name.Space, a.Name.Local)
			continue
		}
		k, is := known[a.Name.Local]
		if !is {
			d.breach(l.depth, "has the attribute %s", a.Name.Local)
			continue
		}
		if k.Required {
			given++
		}
		value := strings.NewReplacer("\r\n", " ", "\t", " ", "\n", " ", "\r", " ").Replace(a.Value)
		if k.text != nil && k.text.fault(value) != "" || k.Fixed != "" && k.Fixed != value {
			d.breach(l.depth, "the attribute %s is %q", a.Name.Local, a.Value)
		}
	}
	for _, k := range known {
		if k.Required {
			given--
		}
	}
	if given < 0 {
		d.breach(l.depth, "lacks an attribute")
	}
}

// judge checks the text or the children of an element that ends.
func (d *document) judge(l *level) {
	t := l.value
	if l.content != nil {
		t = l.content.text
	}
	if t != nil {
		text := string(d.chars[l.depth])
		if text == "" && l.fixed != "" {
			return
		}
		if fault := t.fault(text); fault != "" {
			d.breach(l.depth, "%q %s", text, fault)
		} else if l.fixed != "" && strings.TrimSpace(text) != l.fixed {
			d.breach(l.depth, "%q is not %s", text, l.fixed)
		}
		return
	}
	if l.content == nil {
		return
	}
	if len(bytes.Trim(d.chars[l.depth], " \t\r\n")) > 0 {
		d.breach(l.depth, "has text between its elements")
	}
	row := d.rows[l.depth]
	if !l.content.model.Match(row) {
		d.breach(l.depth, "its elements are not those of the schema: %s", l.content.list(row))
	}
	in := 0
	for i, letter := range row {
		if in++; i == 0 || row[i-1] != letter {
			in = 1
		}
		if most := l.content.most[letter]; most > 0 && in > most {
			d.breach(l.depth, "%s is there more than %d times", l.content.names[letter-'0'], most)
			break
		}
	}
}

// list names the elements of a row, up to 20.
func (c *content) list(row []byte) string {
	names := make([]string, 0, 20)
	for _, letter := range row[:min(len(row), 20)] {
		names = append(names, c.names[letter-'0'])
	}
	return strings.Join(names, " ")
}

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
	for _, p := range t.patterns {
		if !p.MatchString(text) {
			return "does not have the form of the schema"
		}
	}
	return ""
}

func isSpace(r rune) bool { return r == ' ' || r == '\t' || r == '\n' || r == '\r' }

var zoneAtEnd = regexp.MustCompile(`(Z|[+-][0-9]{2}:[0-9]{2})$`)

// spaced treats white space as the type demands.
func (t *textType) spaced(text string) string {
	if !strings.ContainsFunc(text, isSpace) {
		return text
	}
	switch {
	case t.Base == "date" && len(t.patterns) == 0:
		return text
	case t.Base == "dateTime":
		// White space is taken only after a time zone, as xmllint does.
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

// momentForm is the form of a date or of a date and time, with the time zone that package time
// would take in other forms, too.
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

// parseMoment reads a date with or without time and zone. 24:00:00 is the last instant of its day.
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
