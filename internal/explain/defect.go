package explain

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// Defect is what is wrong with a document at one place.
type Defect struct {
	Field  string // path of the element; "document" is the whole of it; "" where none is known
	Rule   string // in English, as the program writes it
	Value  string // as it stands there; "" for none
	Line   int    // 0: not known
	Column int
}

// Polish describes the defect in Polish, with field, rule, value and place. A rule without Polish
// words of its own gets those of its kind, or general ones.
func (f Defect) Polish() string {
	var b strings.Builder
	switch f.Field {
	case "":
	case "document":
		b.WriteString("dokument: ")
	default:
		b.WriteString("pole " + f.Field + ": ")
	}
	rule, ok := Say(Polish, f.Rule)
	if !ok {
		rule = "wartość nieprawidłowa"
		if e, known := ByText(Refused, f.Rule); known {
			rule = e.In(Polish).Name
		}
	}
	b.WriteString(rule)
	if f.Value != "" {
		b.WriteString(", wartość " + quoted(f.Value))
	}
	if f.Line > 0 {
		fmt.Fprintf(&b, " (wiersz %d, kolumna %d)", f.Line, f.Column)
	}
	return b.String()
}

// PolishFaults lists the faults of a document in one line. more is how many further faults the
// document has.
func PolishFaults(all []Defect, more int) string {
	said := make([]string, 0, len(all)+1)
	for _, f := range all {
		said = append(said, f.Polish())
	}
	if more > 0 {
		said = append(said, fmt.Sprintf("i jeszcze błędów: %d", more))
	}
	return strings.Join(said, " | ")
}

// quoted puts a value between Polish quotation marks. Whatever cannot be printed is escaped.
func quoted(value string) string {
	if strings.ContainsFunc(value, func(r rune) bool { return !unicode.IsPrint(r) }) {
		escaped := strconv.Quote(value)
		value = escaped[1 : len(escaped)-1]
	}
	return "„" + value + "”"
}
