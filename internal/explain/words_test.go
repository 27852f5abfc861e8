package explain_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"ksefworker/internal/explain"
)

func TestTable_EachEntry_IsWholeInBothLanguages(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range explain.All() {
		if seen[e.Name()] {
			t.Errorf("%s is in the table twice", e.Name())
		}
		seen[e.Name()] = true
		for _, l := range []explain.Language{explain.Polish, explain.English} {
			w := e.In(l)
			for part, text := range map[string]string{"name": w.Name, "means": w.Means, "do": w.Do} {
				if text == "" || text != strings.Join(strings.Fields(text), " ") {
					t.Errorf("%s, %s, %s: empty, or has white space that it should not have: %q", e.Name(), l, part, text)
				}
				if ends := strings.HasSuffix(text, "."); ends != (part != "name") {
					t.Errorf("%s, %s, %s: a sentence ends with a full stop and a name does not: %q", e.Name(), l, part, text)
				}
			}
			if e.Fault.Label(l) == "" || e.Retry.Label(l) == "" || e.Space.Label(l) == "" {
				t.Errorf("%s: fault %q, retry %q or space %q has no label", e.Name(), e.Fault, e.Retry, e.Space)
			}
		}
		if e.PL.Means == e.EN.Means {
			t.Errorf("%s: Polish and English have the same words", e.Name())
		}
	}
	if len(seen) < 150 {
		t.Errorf("only %d entries were found in the table, want at least 150", len(seen))
	}
}

// Where nothing has failed, the advice is to do nothing. Where somebody has to act, the advice says
// what to do.
func TestTable_AdviceAndRetry_DoNotContradict(t *testing.T) {
	for _, e := range explain.All() {
		nothing := strings.HasPrefix(e.EN.Do, "Nothing")
		if polish := strings.HasPrefix(e.PL.Do, "Nic"); polish != nothing {
			t.Errorf("%s: the Polish and the English advice differ: %q, %q", e.Name(), e.PL.Do, e.EN.Do)
		}
		switch e.Retry {
		case explain.RetryWhenFixed, explain.RetryCorrected:
			if nothing {
				t.Errorf("%s: somebody has to act (%s), and the advice is to do nothing", e.Name(), e.Retry)
			}
		case explain.RetryNone:
			if !nothing {
				t.Errorf("%s: nothing has failed, and the advice is %q", e.Name(), e.EN.Do)
			}
		}
	}
}

// An accountant stumbles over Polish without its diacritics, and over words of a machine or of a
// translation.
var (
	withoutLetters = regexp.MustCompile(`(?i)\b(sie|moze|zostala|zostal|wysylk\w*|blad\w*|przyjeta|odrzucil\w*|ponow|nalezy|sprawdz|ksiegow\w*|wiecej|jesli|uprawnien\b|czesc\w*|zalacznik\w*|nastepn\w*|dotarla|waznos\w*|bledn\w*|wlasciw\w*|plik\w*ow)\b`)
	machineWords   = regexp.MustCompile(`(?i)\b(request\b|error\b|null|true|false|timeout|retry|submit|gateway|tenant|parked|batch|payload|issue|task|log\b|logi\b|fixuj|zretr\w*|zsubmit\w*|zcancel\w*)\b`)
	notPolish      = regexp.MustCompile(`[^\p{Latin}\p{N}\s.,:;()/%„”"'_–-]`)
)

func TestTable_Polish_IsWrittenWithItsLettersAndTerms(t *testing.T) {
	letters := map[rune]bool{}
	for _, e := range explain.All() {
		// A name is checked even where it is KSeF's own description.
		for _, text := range []string{e.PL.Name, e.PL.Means, e.PL.Do} {
			for name, bad := range map[string]*regexp.Regexp{
				"a word without its Polish letters": withoutLetters, "a word of a machine": machineWords, "an odd character": notPolish,
			} {
				if found := bad.FindString(text); found != "" {
					t.Errorf("%s: %s, %q, in %q", e.Name(), name, found, text)
				}
			}
			for _, r := range text {
				letters[unicode.ToLower(r)] = true
			}
		}
	}
	for _, r := range "ąćęłńóśźż" {
		if !letters[r] {
			t.Errorf("no Polish text has %q: have the letters been lost?", r)
		}
	}
	var all strings.Builder
	for _, e := range explain.All() {
		all.WriteString(e.PL.Name + " " + e.PL.Means + " " + e.PL.Do + "\n")
	}
	for _, term := range []string{
		"numer KSeF", "UPO", "sesja interaktywna", "sesja wsadowa", "faktura ustrukturyzowana", "korekta techniczna",
		"faktur", "samofaktur", "token KSeF", "certyfikat KSeF", "w trybie offline", "Aplikacji Podatnika KSeF", "schemat",
	} {
		if !strings.Contains(strings.ToLower(all.String()), strings.ToLower(term)) {
			t.Errorf("the Ministry's term %q is not used", term)
		}
	}
}

func TestFind_CodeOfSeveralSpaces_NamesEach(t *testing.T) {
	names := func(code string) []string {
		var out []string
		for _, e := range explain.Find(code) {
			out = append(out, e.Name())
		}
		return out
	}
	for code, want := range map[string][]string{
		"450":                 {"invoice/450", "login/450"},
		"415":                 {"invoice/415", "online/415", "batch/415", "login/415"},
		"batch/415":           {"batch/415"},
		" 21405 ":             {"api/21405"},
		"Missing-Permissions": {"forbidden/missing-permissions"},
		"418":                 {"http/4xx"},
		"parked":              {"state/parked"},
		"conflict":            {"parked/conflict"},
		"12345":               nil,
		"4x8":                 nil,
		"":                    nil,
		"nowhere/450":         nil,
	} {
		if got := names(code); !slices.Equal(got, want) {
			t.Errorf("Find(%q) = %v, want %v", code, got, want)
		}
	}
}

func TestAbout_EachSituation_BeginsWithTheEntryThatSaysMost(t *testing.T) {
	for _, c := range []struct {
		name string
		f    explain.Facts
		want string
	}{
		{"rejected", explain.Facts{State: "rejected", Code: 450, Reason: "Błąd weryfikacji semantyki"}, "invoice/450 state/rejected"},
		{"parked for a known reason", explain.Facts{State: "parked", Code: 440,
			Reason: "conflict: KSeF has another document of this number as 1 (hash a, ours b; first difference: P_15); look"},
			"parked/conflict invoice/440 state/parked"},
		{"parked for an unknown reason", explain.Facts{State: "parked", Code: 999, Reason: "something new"}, "state/parked"},
		{"refused for two faults", explain.Facts{State: "refused",
			Rules: []string{"must not be later than today (2026-11-26 Europe/Warsaw)", "must be a NIP of ten digits"}},
			"refused/date_in_future refused/nip state/refused"},
		{"waiting for the key", explain.Facts{State: "queued", WaitingFor: "credentials",
			Waiting: "its key was refused: open batch session: unauthorized, HTTP 403, missing-permissions (InvoiceWrite)"},
			"forbidden/missing-permissions http/403 wait/credentials state/queued"},
		{"waiting after a refused send", explain.Facts{State: "queued", WaitingFor: "turn", Code: 21405},
			"wait/turn api/21405 state/queued"},
		{"accepted without its UPO", explain.Facts{State: "accepted",
			Reason: "accepted as N, but the receipt (UPO) of session S is not available: why; the worker asks"},
			"receipt/overdue state/accepted"},
		{"receipted", explain.Facts{State: "receipted"}, "state/receipted"},
	} {
		var got []string
		for _, e := range explain.About(c.f) {
			got = append(got, e.Name())
		}
		if text := strings.Join(got, " "); text != c.want {
			t.Errorf("%s: About returns the entries %s, want %s", c.name, text, c.want)
		}
	}
}
