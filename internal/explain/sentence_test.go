package explain_test

import (
	"go/ast"
	"regexp"
	"slices"
	"strings"
	"testing"

	"ksefworker/internal/explain"
)

func TestSay_SentenceWithFacts_HasThemInPolish(t *testing.T) {
	for _, c := range []struct{ en, pl string }{
		{"Brak uprawnień; give the account the permission, then retry", "Brak uprawnień. Nadaj uprawnienie i ponów wysyłkę."},
		{"wrong scope of permissions: for 5260250274; give the account the permission, then retry",
			"wrong scope of permissions: for 5260250274. Nadaj uprawnienie i ponów wysyłkę."},
		{"wrong scope of permissions; give the account the permission, then retry",
			"nieprawidłowy zakres uprawnień. Nadaj uprawnienie i ponów wysyłkę."},
		{"tenant ACME was paused by anna (key: old): enqueue resume ACME",
			"wysyłkę faktur podatnika ACME wstrzymał(a) anna (key: old); wznowi ją polecenie: enqueue resume ACME"},
		{"tenant ACME: KSeF refused its key, or a permission is missing (the log says which): put the right key into its key_file, " +
			"or have the permission granted",
			"podatnik ACME: KSeF odrzucił klucz albo brakuje uprawnienia (szczegóły są w dzienniku programu). " +
				"Umieść właściwy klucz w key_file albo nadaj uprawnienie"},
		{"must be one of the 17 values of the schema's type TKodyKrajow", "wartość spoza listy typu TKodyKrajow w schemacie"},
		{"dismissed 2026-11-26T10:00:00+01:00 by anna: sold twice; before that rejected with code 450: Błąd",
			"Zakończono bez wysyłki 2026-11-26T10:00:00+01:00, decyzja użytkownika anna: sold twice. Przedtem: odrzucona z kodem 450: Błąd"},
	} {
		if got, ok := explain.Say(explain.Polish, c.en); !ok || got != c.pl {
			t.Errorf("%q\n is %q (%v)\nwant %q", c.en, got, ok, c.pl)
		}
		if got, ok := explain.Say(explain.English, c.en); !ok || got != c.en {
			t.Errorf("in English the sentence is %q, want it unchanged", got)
		}
	}
}

func TestSay_WordsOfKSeF_AreNotKnown(t *testing.T) {
	for _, text := range []string{"", "Błąd weryfikacji semantyki dokumentu faktury", strings.Repeat("x", 5000)} {
		if got, ok := explain.Say(explain.Polish, text); ok {
			t.Errorf("the text %.20q is taken for one of the program: %q", text, got)
		}
	}
}

// Each sentence is found by its own form and has a Polish form, which contains the same facts.
func TestSentences_EachOne_KeepsItsFacts(t *testing.T) {
	for _, en := range explain.Sentences() {
		n := 0
		text := regexp.MustCompile(`\*`).ReplaceAllStringFunc(en, func(string) string { n++; return "F" + string(rune('0'+n)) })
		pl, ok := explain.Say(explain.Polish, text)
		if !ok || pl == text {
			t.Errorf("%q has no Polish", en)
			continue
		}
		for i := range n {
			fact := "F" + string(rune('1'+i))
			if !strings.Contains(pl, fact) && !strings.Contains(en, "values of the schema's type") {
				t.Errorf("%q leaves out fact %d: %q", en, i+1, pl)
			}
		}
		if strings.ContainsAny(pl, "*{}") {
			t.Errorf("the Polish form of %q has places left to fill: %q", en, pl)
		}
	}
}

// Every text of package waiting about what an invoice waits for has a Polish form. The words of a
// task about its last run may be any text. A page in Polish leaves out such words when they have no
// Polish form.
func TestSentences_EverythingThatAnInvoiceWaitsFor_HasPolish(t *testing.T) {
	s := readSource(t, "waiting")
	found := 0
	for _, e := range s.fields("Wait", "What", 1) {
		text, literal := s.text(e)
		if !literal || text == "; that was so at its last try, but the tenant is not paused any more" {
			continue
		}
		found++
		inPolish(t, text, s.at(e))
	}
	if found < 15 {
		t.Errorf("found %d texts in package waiting, want at least 15", found)
	}
}

func inPolish(t *testing.T, text, where string) {
	t.Helper()
	if _, ok := explain.Say(explain.Polish, text); !ok && strings.Trim(text, "X :;") != "" {
		t.Errorf("%s: %q has no Polish: add it to internal/explain/words/sentences.yaml", where, text)
	}
}

// Every error about a receiver of results has a Polish form.
func TestSentences_EveryErrorOfAReceiver_HasPolish(t *testing.T) {
	for _, file := range []string{"webhook.go", "message.go"} {
		s := readSource(t, "results/sinks")
		s.each(func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || !slices.Contains([]string{"New", "Errorf"}, calls(call)) || len(call.Args) == 0 ||
				!strings.Contains(s.at(call), file) {
				return true
			}
			if text, literal := s.text(call.Args[0]); literal {
				inPolish(t, strings.ReplaceAll(text, "%w", "X"), s.at(call))
			}
			return true
		})
	}
}
