package explain

import "testing"

func TestDefect_InPolish_NamesFieldRuleValueAndPlace(t *testing.T) {
	for want, f := range map[string]Defect{
		"dokument: nie może być puste": {Field: "document", Rule: "must not be empty"},
		"pole Fa/P_15: wartość nieprawidłowa, wartość „1,5” (wiersz 3, kolumna 7)": {
			Field: "Fa/P_15", Rule: "no words", Value: "1,5", Line: 3, Column: 7,
		},
		`wartość nieprawidłowa, wartość „a \"b\" \x1b[31m”`: {Rule: "no words", Value: "a \"b\" \x1b[31m"},
	} {
		if got := f.Polish(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	two := []Defect{{Field: "document", Rule: "must not be empty"}, {Field: "Fa", Rule: "no words"}}
	if got := PolishFaults(two, 3); got != "dokument: nie może być puste | pole Fa: wartość nieprawidłowa | i jeszcze błędów: 3" {
		t.Errorf("the text is %q, want the two faults and the number of those that are not listed", got)
	}
}

// A document may be refused for a reason outside the document. The record of such a refusal has
// rule and hint in one text.
func TestDefect_RuleWithHint_SaysBoth(t *testing.T) {
	for rule, want := range map[string]string{
		"no tenant is named acme; the names are: a, b": "w konfiguracji nie ma podatnika o nazwie acme; dostępne nazwy: a, b",
		"is not a readable ZIP archive: zip: not a valid zip file; it may be cut off or in another format: make it again": "" +
			"nie jest czytelnym archiwum ZIP: to nie jest plik ZIP; może być ucięte lub w innym formacie: utwórz je ponownie",
		"hand in a late invoice without a deadline; it is sent first": "" +
			"spóźnioną fakturę przekaż bez terminu; zostanie wysłana jako pierwsza",
		"no words; no words": "wartość nieprawidłowa",
	} {
		if got := (Defect{Rule: rule}).Polish(); got != want {
			t.Errorf("%q\n is %q\nwant %q", rule, got, want)
		}
	}
}

// A value that the program describes is in Polish. A value from the document stays as it is.
func TestSayValue_WordsOfTheProgram_AreInPolish(t *testing.T) {
	for _, c := range []struct{ rule, value, pl string }{
		{"must be at most 1000000 bytes", "1000001 bytes", "1000001 B"},
		{"must be at most 1000000 bytes without an attachment", "1000001 bytes", "1000001 B"},
		{"must not begin with a byte order mark", "UTF-8 byte order mark", "znacznik BOM"},
		{"must be in UTF-8", "UTF-16 or UTF-32", "UTF-16 lub UTF-32"},
		{"must be a text", "number 12", "liczba 12"}, {"must be true or false", "string", "tekst"},
		{"must be a number", "string", "string"}, {"must be at most 5", "many bytes", "many bytes"},
	} {
		if got := SayValue(Polish, c.rule, c.value); got != c.pl {
			t.Errorf("%s: %q is %q, want %q", c.rule, c.value, got, c.pl)
		}
		if got := SayValue(English, c.rule, c.value); got != c.value {
			t.Errorf("in English the value %q is %q, want it unchanged", c.value, got)
		}
	}
}
