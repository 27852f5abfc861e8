package explain

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// Defect is what is wrong with a document at one place.
type Defect struct {
	Field  string // path of the element; "document" means the whole document; "" where no path is known
	Rule   string // in English, as the program writes it
	Value  string // as it stands there; "" for none
	Line   int    // 0: not known
	Column int
}

// Polish describes the defect in Polish, with field, rule, value and place. A rule without Polish
// words of its own gets those of its kind, or general ones.
func (f Defect) Polish() string {
	var b strings.Builder
	rule, ok := sayBoth(f.Rule)
	if !ok {
		rule = "wartość nieprawidłowa"
		if e, known := ByText(Refused, f.Rule); known {
			rule = e.In(Polish).Name
		}
	}
	switch f.Field {
	case "", "document":
		b.WriteString(Naming(f.Field, rule))
	default:
		b.WriteString("pole " + Naming(f.Field, rule))
	}
	b.WriteString(Found(Polish, SayValue(Polish, f.Rule, f.Value), f.Line, f.Column))
	return b.String()
}

// Found returns the end of a sentence about a defect: the value that was found, and its place. The
// caller puts it after the rule. value is in the language already. An empty value is left out, and
// so is the place when line is 0.
func Found(l Language, value string, line, column int) string {
	said := ""
	switch {
	case value == "":
	case l == Polish:
		said = ", wartość " + quoted(value)
	default:
		said = ": got " + strconv.Quote(value)
	}
	switch {
	case line == 0:
	case l == Polish:
		said += fmt.Sprintf(" (wiersz %d, kolumna %d)", line, column)
	default:
		said += fmt.Sprintf(" at line %d, column %d", line, column)
	}
	return said
}

// Naming puts the name of a field before a Polish rule. The field "document" stands for the
// document as a whole. Naming leaves out this field when the rule already begins
// with "dokument ".
func Naming(field, rule string) string {
	switch {
	case field == "", field == "document" && strings.HasPrefix(rule, "dokument "):
		return rule
	case field == "document":
		return "dokument: " + rule
	}
	return field + ": " + rule
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

// SayValue returns the value of a defect in a language. Nearly every value is what the document
// has, and stays as it is. For a few rules, the value describes what was found, such as
// "number 12" or "5000 bytes". SayValue translates that description.
func SayValue(l Language, rule, value string) string {
	if l != Polish {
		return value
	}
	switch rule {
	case "must not begin with a byte order mark":
		return "znacznik BOM"
	case "must be in UTF-8":
		return strings.Replace(value, " or ", " lub ", 1)
	case "must be a text", "must be true or false", "must be a JSON object":
		kind, number, _ := strings.Cut(value, " ") // such as "number 12", as encoding/json has it
		if pl, ok := kindsOfJSON[kind]; ok {
			return strings.TrimSpace(pl + " " + number)
		}
	}
	if strings.HasPrefix(rule, "must be at most ") {
		if size, ok := strings.CutSuffix(value, " bytes"); ok && isDigits(size) {
			return size + " B"
		}
	}
	return value
}

var kindsOfJSON = map[string]string{
	"array": "tablica", "bool": "wartość logiczna", "number": "liczba", "object": "obiekt", "string": "tekst",
}

// quoted puts a value between Polish quotation marks. Characters that cannot be printed are
// escaped.
func quoted(value string) string {
	if strings.ContainsFunc(value, func(r rune) bool { return !unicode.IsPrint(r) }) {
		escaped := strconv.Quote(value)
		value = escaped[1 : len(escaped)-1]
	}
	return "„" + value + "”"
}
