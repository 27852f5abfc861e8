package explain_test

import (
	"testing"

	"ksefworker/internal/explain"
)

func TestSayJoined_SomeSentencesAreKnown_TheOthersStay(t *testing.T) {
	for text, want := range map[string]string{
		"cannot be read: permission denied; it is tried again": "nie można odczytać: brak prawa dostępu; program spróbuje ponownie",
		"no such thing; it is tried again":                     "no such thing; program spróbuje ponownie",
		"no such thing; nor this":                              "",
		// One sentence that has a semicolon of its own.
		"is watched by itself, so its files are not taken here; if it is no longer watched, move its folders a, b elsewhere, then delete c": "" +
			"ten folder jest obserwowany osobno, więc jego pliki nie są tu przyjmowane; jeśli już nie jest, przenieś jego foldery a, b " +
			"w inne miejsce, a potem usuń c",
	} {
		got, ok := explain.SayJoined(explain.Polish, text)
		if ok != (want != "") || ok && got != want {
			t.Errorf("%q\n is %q, %t\nwant %q", text, got, ok, want)
		}
		if en, _ := explain.SayJoined(explain.English, text); en != text {
			t.Errorf("in English the text is %q, want it unchanged", en)
		}
	}
}
