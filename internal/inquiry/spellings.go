package inquiry

import "strings"

// Exports may put a no-break space into a number, so that it is not broken at the end of a line. It
// looks like a space, and a person types a space. The ledger finds a number by its exact bytes, so
// it is asked for every spelling.

// noBreak is the no-break space.
const noBreak = "\u00a0"

// maxSpaces is how many spaces of a number are tried both ways: 32 look-ups.
const maxSpaces = 5

// spellings lists the numbers that a person may mean: the one that was typed first.
func spellings(number string) []string {
	parts := strings.Split(strings.ReplaceAll(number, noBreak, " "), " ")
	if len(parts) == 1 || len(parts) > maxSpaces+1 {
		return []string{number}
	}
	all := []string{parts[0]}
	for _, part := range parts[1:] {
		var longer []string
		for _, s := range all {
			longer = append(longer, s+" "+part, s+noBreak+part)
		}
		all = longer
	}
	return append([]string{number}, all...)
}

// sameNumber reports whether a person who types name may mean the number.
func sameNumber(number, name string) bool { return ordinary(number) == ordinary(name) }

// ordinary returns a number with ordinary spaces alone.
func ordinary(number string) string { return strings.ReplaceAll(number, noBreak, " ") }
