package httpintake

import "ksefworker/internal/explain"

// inPolish returns a text of the program in Polish, or as it is where it has no Polish sentence.
func inPolish(english string) string {
	if pl, ok := explain.Say(explain.Polish, english); ok {
		return pl
	}
	return english
}
