package explain_test

import (
	"go/ast"
	"regexp"
	"slices"
	"strings"
	"testing"

	"ksefworker/internal/explain"
	"ksefworker/internal/explain/explaintest"
	"ksefworker/internal/ledger"
)

// saying are the packages that write the texts in an answer about a document: rules, hints, notes,
// warnings and what became of the terms.
var saying = []string{"invoice", "invoice/schema", "invoice/xsd", "intake", "httpintake"}

// inPieces has the texts of these packages that are only pieces of the texts that are shown. It
// maps each piece to the whole texts that contain the piece. The list is nil when another line of
// this map has the whole texts, or when no answer shows the piece.
var inPieces = map[string][]string{
	// A rule with the limit of the document's kind.
	"must be at most X bytes X": {"must be at most 1 bytes with an attachment", "must be at most 1 bytes without an attachment"},
	"with an attachment":        nil,
	"without an attachment":     nil,
	// Rules about names in XML, and about values that may be of one of two types.
	"must have at most one colon in the name of an X": {
		"must have at most one colon in the name of an element", "must have at most one colon in the name of an attribute"},
	"must be well-formed: the name of an X is expected here": {
		"must be well-formed: the name of an element is expected here", "must be well-formed: the name of an attribute is expected here"},
	", or ": {"must match the pattern X, or must match the pattern X"},
	// The forms of KSeF.
	"PEF or PEF_KOR": {"the form PEF or PEF_KOR is not supported yet: only invoices in the form FA(3) can be sent"},
	"of namespace X": {"the form of namespace X is not supported yet: only invoices in the form FA(3) can be sent"},
	// A list of names that is cut off.
	"X and X others": {
		"must contain X, X and 2 others", "after X may follow: X, X and 2 others",
		"the schema has no such element there; allowed are X, X and 2 others"},
	// A number or a ref that is taken.
	"number X (X of seller X) is already X X": {
		"number X (X of seller X) is already queued as X, whose document is not here any more, so the two cannot be compared",
		"number X (X of seller X) is already receipted with other content as X (first difference: X/X)"},
	"as X, whose document is not here any more, so the two cannot be compared": nil,
	"with other content as X (first difference: X)":                            nil,
	// Who sends an invoice.
	"X NIP X has several tenants: X": {"seller NIP X has several tenants: X", "buyer NIP X has several tenants: X"},
	"no tenant is configured for X NIP X": {
		"no tenant is configured for seller NIP X", "no tenant is configured for buyer NIP X"},
	"no tenant is configured for X NIP X, and X is its PodmiotUpowazniony": {
		"no tenant is configured for seller NIP X, and X is its PodmiotUpowazniony",
		"no tenant is configured for buyer NIP X, and X is its PodmiotUpowazniony"},
	"none of your tenants is X NIP X": {
		"none of your tenants is seller NIP X", "none of your tenants is buyer NIP X"},
	"none of your tenants is X NIP X, and X is its PodmiotUpowazniony": {
		"none of your tenants is seller NIP X, and X is its PodmiotUpowazniony",
		"none of your tenants is buyer NIP X, and X is its PodmiotUpowazniony"},
	// Files.
	"is X, not a file": {"is a device, not a file", "is a pipe, not a file", "is a socket, not a file"},
	"a device":         nil,
	"a pipe":           nil,
	"a socket":         nil,
	// What became of the terms.
	"lane X": termsTexts(),
	"offline (only a package can be offline, so it goes in a package)": nil,
	"deadline X": nil,
	"the terms given now were not applied: the invoice has X":                  nil,
	": KSeF has it already":                                                    nil,
	": to change them, run X, then hand it in again with the new ones":         nil,
	": it is X, and it is not sent":                                            nil,
	": it is on its way (X), and terms can be changed only while it is queued": nil,
	"its terms are now X":                                                      nil,
	"this document was taken before as X, which is X and stays so": {
		"this document was taken before as X, which is parked and stays so"},
	"cannot be combined with lane X: KSeF takes a technical correction in an online session only": {
		"cannot be combined with lane bulk: KSeF takes a technical correction in an online session only"},
	// Values, which have a test of their own, and one that is HTML.
	"<!DOCTYPE html": nil,
	"X bytes":        nil, "UTF-8 byte order mark": nil, "UTF-16 or UTF-32": nil,
	// Parts of the text of an error in English.
	"field ": nil, ": got ": nil, " at line ": nil, ", column ": nil,
	"X; nothing was taken, hand it in again": nil, "X: X; nothing was taken, hand it in again": nil,
	// A field of a manifest, a note in the record, the wait at the command line.
	"the line": nil, "by X": nil, "its entry in the ledger cannot be read: X": nil,
	// Names in XML, and a reason that an answer has in both languages.
	"version encoding standalone": nil, "more than invoices is in the body, or it is cut off": nil,
	// Texts that are only compared with the text of a rule.
	"Xmust be valid UTF-8": nil, "XXXmust not contain a discouraged Unicode character": nil,
	"XXmust not contain a discouraged Unicode character": nil, "XXXmust be givenXX": nil,
}

// termsTexts returns every form of the answer about terms.
func termsTexts() (all []string) {
	for _, offline := range []string{"", ", offline", ", offline (only a package can be offline, so it goes in a package)"} {
		for _, deadline := range []string{"", ", deadline 2026-11-24 23:59"} {
			terms := "lane express" + offline + deadline
			for _, text := range []string{
				"its terms are now " + terms,
				"the terms given now were not applied: the invoice has " + terms + ": KSeF has it already",
				"the terms given now were not applied: the invoice has " + terms +
					": to change them, run X retry X, then hand it in again with the new ones",
				"the terms given now were not applied: the invoice has " + terms + ": it is dismissed, and it is not sent",
				"the terms given now were not applied: the invoice has " + terms +
					": it is on its way (sending), and terms can be changed only while it is queued",
			} {
				all = append(all, text, text+"; the ref given now was not applied: the invoice has ref X",
					text+"; the ref given now was not applied: the invoice has none, because a ref is given when an invoice is first handed in")
			}
		}
	}
	return all
}

// words finds a word with a space beside it.
var words = regexp.MustCompile(`[a-z]{2,} | [a-z]{2,}`)

// ofAnswers are the files of package httpintake that make texts in English alone.
var ofAnswers = []string{"item.go", "jsonbody.go", "multipart.go", "faktura.go"}

// shown yields the texts of a package. It leaves out errors, lines of the log, texts that are in
// both languages already, and files that make no texts of this kind.
func (s *source) shown(yield func(text, where string)) {
	s.each(func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if slices.Contains([]string{"New", "Errorf", "Msg", "bad", "panic"}, calls(n)) {
				return false
			}
		case *ast.CompositeLit:
			if name, ok := n.Type.(*ast.Ident); ok && name.Name == "text" {
				return false
			}
		case *ast.Ident, *ast.ImportSpec: // a constant has its text where it is declared
			return false
		case *ast.Field:
			return n.Tag == nil
		}
		e, ok := n.(ast.Expr)
		if !ok {
			return true
		}
		file, _, _ := strings.Cut(strings.TrimPrefix(s.at(e), s.dir+"/"), ":")
		text, literal := s.text(e)
		switch {
		case !literal:
			return true
		case file == "tables.go", s.dir == "httpintake" && !slices.Contains(ofAnswers, file):
		case words.MatchString(text):
			yield(text, s.at(e))
		}
		return false
	})
}

// A program that asks for Polish gets Polish in every part of an answer: an English hint behind a
// Polish rule is of no use to the person who reads it.
func TestSentences_EveryTextOfAnAnswerAboutADocument_HasPolish(t *testing.T) {
	found, used := 0, map[string]bool{}
	for _, dir := range saying {
		s := readSource(t, dir)
		s.shown(func(text, where string) {
			found++
			whole, ok := inPieces[text]
			if used[text] = true; !ok {
				whole = []string{text}
			}
			for _, text := range whole {
				allInPolish(t, text, where)
			}
		})
	}
	if found < 250 {
		t.Errorf("found only %d texts, want at least 250: have the packages changed?", found)
	}
	for text := range inPieces {
		if !used[text] {
			t.Errorf("no package has %q any more", text)
		}
	}
}

// A person who sees nothing but a watched folder can read why its files wait. This text has a
// Polish form too.
func TestSentences_EveryReasonWhyAFileWaits_HasPolish(t *testing.T) {
	found := 0
	s := readSource(t, "watch")
	s.each(func(n ast.Node) bool {
		var why []ast.Expr
		switch n := n.(type) {
		case *ast.CallExpr:
			file, _, _ := strings.Cut(s.at(n), ":")
			if slices.Contains([]string{"problem", "outage"}, calls(n)) || slices.Contains([]string{"Errorf", "New"}, calls(n)) &&
				slices.Contains([]string{"watch/settings.go", "watch/commit.go", "watch/disk.go"}, file) {
				why = n.Args
			}
		case *ast.CompositeLit:
			if name, ok := n.Type.(*ast.Ident); ok && name.Name == "waits" {
				why = n.Elts
			}
		case *ast.ReturnStmt: // for example of fault and waitsFor
			why = n.Results
		}
		for _, e := range why {
			text, literal := s.text(e)
			text = verb.ReplaceAllString(text, dynamic)
			if !literal || !strings.Contains(text, " ") {
				continue
			}
			found++
			pl, _ := explain.SayJoined(explain.Polish, text)
			if left := explaintest.English(text, pl); len(left) > 0 {
				t.Errorf("%s: %q has the English words %q: %q", s.at(e), text, left, pl)
			}
		}
		return true
	})
	if found < 30 {
		t.Errorf("found only %d reasons, want at least 30: has the package changed?", found)
	}
}

func allInPolish(t *testing.T, text, where string) {
	t.Helper()
	pl, ok := explain.Say(explain.Polish, text)
	if !ok {
		t.Errorf("%s: %q has no Polish: add it to internal/explain/words/sentences.yaml", where, text)
		return
	}
	if left := explaintest.English(text, pl); len(left) > 0 {
		t.Errorf("%s: %q has the English words %q: %q", where, text, left, pl)
	}
	if bad := withoutLetters.FindString(pl); bad != "" && bad != "Zalacznik" { // the name of an element
		t.Errorf("%s: %q lacks Polish letters in %q", where, pl, bad)
	}
}

// The Polish form of a sentence also names the state of an invoice in Polish.
func TestSay_StateOfAnInvoice_IsNamedInPolish(t *testing.T) {
	for _, state := range ledger.States() {
		text := "number M/1 (VAT of seller 5265877635) is already " + string(state) +
			" with other content as inv-a (first difference: Fa/P_1M)"
		allInPolish(t, text, string(state))
	}
	for en, pl := range map[string]string{
		"number M/1 (VAT of seller 5265877635) is already queued with other content as inv-a (first difference: Fa/P_1M)": "" +
			"numer M/1 (VAT, sprzedawca 5265877635) ma już faktura inv-a o innej treści (stan: w kolejce; pierwsza różnica: Fa/P_1M)",
		`ref "accepted" is already that of inv-a, another invoice of this tenant, which is sent`: "" +
			`ref "accepted" ma już inv-a, inna faktura tego podatnika (stan: wysłana)`,
	} {
		if got, _ := explain.Say(explain.Polish, en); got != pl {
			t.Errorf("%q\n is %q\nwant %q", en, got, pl)
		}
	}
}
