package explain

import "testing"

func TestDefect_InPolish_NamesFieldRuleValueAndPlace(t *testing.T) {
	for want, f := range map[string]Defect{
		"dokument: nie może być puste": {Field: "document", Rule: "must not be empty"},
		"pole Fa/P_15: wartość nieprawidłowa, wartość „1,5” (wiersz 3, kolumna 7)": {Field: "Fa/P_15", Rule: "no words", Value: "1,5", Line: 3, Column: 7},
		`wartość nieprawidłowa, wartość „a \"b\" \x1b[31m”`:                        {Rule: "no words", Value: "a \"b\" \x1b[31m"},
	} {
		if got := f.Polish(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	two := []Defect{{Field: "document", Rule: "must not be empty"}, {Field: "Fa", Rule: "no words"}}
	if got := PolishFaults(two, 3); got != "dokument: nie może być puste | pole Fa: wartość nieprawidłowa | i jeszcze błędów: 3" {
		t.Errorf("all: %q", got)
	}
}
