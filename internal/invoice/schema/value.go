package schema

import (
	"math"
	"sort"
	"unicode/utf8"
)

// value checks the text of an element.
func (m *Machine) value(f *frame, text []byte) {
	if len(text) == 0 && f.child.Fixed != "" {
		// An empty element has its fixed value. The same holds for an element with an empty CDATA
		// section, because such a section is no content in XML Schema. Xerces accepts such an
		// element, too. xmllint differs: it sees an empty text in place of the fixed value.
		return
	}
	if f.child.Fixed == "" && f.value.holdsAnyway(text) {
		return
	}
	normal := m.normal(f.value, text)
	rule, hint := m.breach(f.value, normal)
	if rule == "" && f.child.Fixed != "" && string(normal) != f.child.Fixed {
		rule = "must be " + f.child.Fixed
	}
	if rule != "" {
		m.report(f.at, Fault{Rule: rule, Value: cut(text), Hint: hint})
	}
}

func cut(text []byte) string { return string(text[:min(len(text), excerpt)]) }

// holdsAnyway reports whether a text certainly keeps the rules of v, however its white space is
// normalized. For most texts of an invoice, such as names and descriptions, the first byte and the
// length decide. The minimum length of their types is 0 or 1, and a first byte that is not white
// space shows that there is a character. A text has at most as many characters as bytes, so the
// length in bytes shows that the text is short enough.
func (v *Value) holdsAnyway(text []byte) bool {
	return v.Kind == Text && len(v.Enum) == 0 && len(v.Patterns) == 0 && v.MinLength <= 1 &&
		len(text) > 0 && text[0] > ' ' && (v.MaxLength == 0 || len(text) <= int(v.MaxLength))
}

// normal returns the text with its white space normalized by the rule of v. It copies only a text
// that changes.
func (m *Machine) normal(v *Value, text []byte) []byte {
	space := v.Space
	if space == Preserve || (v.Kind == Date || v.Kind == DateTime) && len(v.Patterns) == 0 {
		return text // libxml2 collapses a date only for its patterns; see also parseMoment
	}
	clean, blank := true, space == Collapse // blanks before the first character are removed
	for _, c := range text {
		if c > ' ' {
			blank = false
			continue
		}
		if c != ' ' || blank {
			clean = false
			break
		}
		blank = space == Collapse
	}
	if clean && (!blank || len(text) == 0) {
		return text
	}
	m.scratch = m.scratch[:0]
	for _, c := range text {
		if c <= ' ' {
			c = ' '
			if n := len(m.scratch); space == Collapse && (n == 0 || m.scratch[n-1] == ' ') {
				continue
			}
		}
		m.scratch = append(m.scratch, c)
	}
	if n := len(m.scratch); space == Collapse && n > 0 && m.scratch[n-1] == ' ' {
		m.scratch = m.scratch[:n-1]
	}
	return m.scratch
}

// breach returns the rule of v that a normalized text breaks, or "".
func (m *Machine) breach(v *Value, text []byte) (rule, hint string) {
	switch v.Kind {
	case Text:
		rule, hint = v.textBreach(text)
	case Decimal, Integer:
		rule, hint = v.numberBreach(text)
	case Date, DateTime:
		rule, hint = v.momentBreach(text)
	case Union:
		return m.unionBreach(v, text)
	}
	if rule != "" {
		return rule, hint
	}
	for _, i := range v.Patterns {
		if p := &m.table.Patterns[i]; !p.match(text) {
			return v.patternRule(p)
		}
	}
	return "", ""
}

func (v *Value) textBreach(text []byte) (rule, hint string) {
	low, high := int(v.MinLength), int(v.MaxLength)
	if high == 0 {
		high = math.MaxInt
	}
	// The number of bytes often decides. A text of at most high bytes has at most high characters.
	// A character has at most 4 bytes, so a text of at least 4*low bytes has at least low
	// characters.
	if n := len(text); n < 4*low || n > high {
		if n = utf8.RuneCount(text); n < low || n > high {
			return v.lengthRule(n), ""
		}
	}
	if len(v.Enum) > 0 && !v.has(text) {
		return v.enumRule(text)
	}
	return "", ""
}

// has reports whether the text is one of the allowed values.
func (v *Value) has(text []byte) bool {
	i := sort.Search(len(v.Enum), func(i int) bool { return compareText(text, v.Enum[i]) <= 0 })
	return i < len(v.Enum) && v.Enum[i] == string(text)
}

func (v *Value) numberBreach(text []byte) (rule, hint string) {
	n, ok := parseNumber(text, v.Kind == Integer)
	switch {
	case !ok && len(v.Enum) > 0 && len(text) > 0:
		return v.enumRule(text) // for example the text true as P_16, which is 1 or 2
	case !ok:
		return v.numberRule(text)
	case v.Fraction > 0 && len(n.fraction) > int(v.Fraction):
		return fractionRule(v.Fraction), ""
	case v.Total > 0 && n.total() > int(v.Total):
		return totalRule(v.Total), ""
	case n.given > maxDigits:
		return totalRule(maxDigits), ""
	}
	if b := v.Low; b != nil {
		if order := n.compare(&b.Number); order < 0 || order == 0 && b.Open {
			return b.lowRule(), ""
		}
	}
	if b := v.High; b != nil {
		if order := n.compare(&b.Number); order > 0 || order == 0 && b.Open {
			return b.highRule(), ""
		}
	}
	if len(v.Enum) > 0 && !v.hasNumber(n) {
		return v.enumRule(text)
	}
	return "", ""
}

// hasNumber reports whether a whole number is one of the allowed ones, which are in canonical form.
func (v *Value) hasNumber(n number) bool {
	var buffer [maxDigits + 1]byte
	canonical := buffer[:0]
	if n.negative {
		canonical = append(canonical, '-')
	}
	if len(n.whole) == 0 {
		canonical = append(canonical, '0')
	}
	canonical = append(canonical, n.whole...)
	for _, allowed := range v.Enum { // few
		if allowed == string(canonical) {
			return true
		}
	}
	return false
}

func (v *Value) momentBreach(text []byte) (rule, hint string) {
	t, ok := parseMoment(text, v.Kind == DateTime)
	if !ok {
		return v.momentRule()
	}
	if b := v.Low; b != nil {
		if order, known := t.compare(&b.Moment); !known || order < 0 || order == 0 && b.Open {
			return b.lowRule(), ""
		}
	}
	if b := v.High; b != nil {
		if order, known := t.compare(&b.Moment); !known || order > 0 || order == 0 && b.Open {
			return b.highRule(), ""
		}
	}
	return "", ""
}

// unionBreach accepts a text that at least one member accepts. text must not be normalized yet,
// because every member normalizes it by its own rule.
func (m *Machine) unionBreach(v *Value, text []byte) (rule, hint string) {
	for i, member := range v.Members {
		one := m.table.ValueOf(member)
		broken, _ := m.breach(one, m.normal(one, text))
		if broken == "" {
			return "", ""
		}
		if i > 0 {
			rule += ", or "
		}
		rule += broken
	}
	return rule, ""
}

// Breach returns the rule of a type that a text breaks, or "". It is for tools and tests; a Machine
// does the same for every text of a document.
func (t *Table) Breach(r Ref, text string) string {
	m := Machine{table: t}
	v := t.ValueOf(r)
	rule, _ := m.breach(v, m.normal(v, []byte(text)))
	return rule
}
