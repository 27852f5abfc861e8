package settlement

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

func invoicesOf(numbers ...string) []ledger.Invoice {
	out := make([]ledger.Invoice, len(numbers))
	for i, n := range numbers {
		out[i] = ledger.Invoice{Facts: ledger.Facts{ID: fmt.Sprint("inv-", i)}, Number: n}
	}
	return out
}

func answersOf(numbers ...string) []ksef.InvoiceInfo {
	out := make([]ksef.InvoiceInfo, len(numbers))
	for i, n := range numbers {
		out[i] = ksef.InvoiceInfo{Ordinal: i + 1, InvoiceNumber: n}
	}
	return out
}

// told writes a matching as "inv-0=1 | inv-1 | 2". The parts are the invoices that have an answer,
// each with the ordinal of its answer; the invoices without an answer; and the ordinals of the
// answers without an invoice.
func told(m matching) string {
	var pairs, invs, answers []string
	for _, p := range m.pairs {
		pairs = append(pairs, fmt.Sprintf("%s=%d", p.inv.ID, p.info.Ordinal))
	}
	for _, i := range m.invoices {
		invs = append(invs, i.ID)
	}
	for _, a := range m.answers {
		answers = append(answers, fmt.Sprint(a.Ordinal))
	}
	return strings.Join([]string{strings.Join(pairs, " "), strings.Join(invs, " "), strings.Join(answers, " ")}, " | ")
}

func TestMatch_EachCase_PairsOnlyWhatIsCertain(t *testing.T) {
	for _, c := range []struct {
		what          string
		ours, answers []string
		want          string
	}{
		{"no invoices and no answers", nil, nil, " |  | "},
		{"each invoice has its answer, in any order", []string{"A", "B", "C"}, []string{"C", "A", "B"}, "inv-0=2 inv-1=3 inv-2=1 |  | "},
		{"one invoice has no answer", []string{"A", "B"}, []string{"B"}, "inv-1=1 | inv-0 | "},
		{"one answer without number belongs to nobody yet", []string{"A", "B"}, []string{"B", ""}, "inv-1=1 | inv-0 | 2"},
		{"several answers without number belong to nobody yet", []string{"A", "B", "C"}, []string{"", "B", ""},
			"inv-1=2 | inv-0 inv-2 | 1 3"},
		{"an answer with an unknown number is kept, because it may still be about an invoice of ours", []string{"A"}, []string{"A", "Z"},
			"inv-0=1 |  | 2"},
		{"two answers of one number tell nothing", []string{"A", "B"}, []string{"A", "A", "B"}, "inv-1=3 | inv-0 | 1 2"},
		{"two invoices of one number cannot be told apart", []string{"A", "A", "B"}, []string{"A", "B", "A"},
			"inv-2=2 | inv-0 inv-1 | 1 3"},
		{"two invoices and one answer of one number", []string{"A", "A"}, []string{"A"}, " | inv-0 inv-1 | 1"},
		{"upper and lower case are different", []string{"FV/1"}, []string{"fv/1"}, " | inv-0 | 1"},
		{"the amount of white space does not count, because KSeF changes it", []string{"FV  1", "FV\u00a02", "FV\t3 ", "FV 4\u0085"},
			[]string{"FV 4", "FV 3", "FV 2", "FV 1"}, "inv-0=4 inv-1=3 inv-2=2 inv-3=1 |  | "},
		{"two invoices whose numbers differ in white space alone, both answers normalised", []string{"FV 1", "FV  1"},
			[]string{"FV 1", "FV 1"}, " | inv-0 inv-1 | 1 2"},
		{"two invoices whose numbers differ in white space alone, one answer: nobody knows whose", []string{"FV 1", "FV  1"},
			[]string{"FV 1"}, " | inv-0 inv-1 | 1"},
		{"two invoices whose numbers differ in white space alone, both answers spelled as ours", []string{"FV 1", "FV  1"},
			[]string{"FV  1", "FV 1"}, "inv-0=2 inv-1=1 |  | "},
		{"our own invoice without number matches no answer without number", []string{""}, []string{""}, " | inv-0 | 1"},
	} {
		if got := told(match(invoicesOf(c.ours...), answersOf(c.answers...))); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.what, got, c.want)
		}
	}
}

func TestMatch_NeverPairsWhatIsNotCertain_AndLosesNobody(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.SampledFrom([]string{"", "A", "B", "C", "D", "E"})
		invs := invoicesOf(rapid.SliceOfN(number, 0, 8).Draw(t, "ours")...)
		infos := answersOf(rapid.SliceOfN(number, 0, 8).Draw(t, "answers")...)
		m := match(invs, infos)
		var ours []string
		answers := map[int]int{}
		for _, p := range m.pairs {
			ours = append(ours, p.inv.ID)
			answers[p.info.Ordinal]++
			if p.inv.Number != p.info.InvoiceNumber || p.inv.Number == "" {
				t.Errorf("an invoice with the number %q was paired with an answer about %q", p.inv.Number, p.info.InvoiceNumber)
			}
			same := func(i ledger.Invoice) bool { return i.Number == p.inv.Number }
			if n := len(slices.DeleteFunc(slices.Clone(invs), func(i ledger.Invoice) bool { return !same(i) })); n != 1 {
				t.Errorf("an invoice was paired by the number %q, although %d invoices have this number", p.inv.Number, n)
			}
		}
		for _, i := range m.invoices {
			ours = append(ours, i.ID)
		}
		slices.Sort(ours)
		if len(slices.Compact(slices.Clone(ours))) != len(invs) || len(ours) != len(invs) {
			t.Errorf("of %d invoices the match has %v, want each once", len(invs), ours)
		}
		for _, a := range m.answers {
			answers[a.Ordinal]++
		}
		for _, info := range infos {
			if n := answers[info.Ordinal]; n != 1 {
				t.Errorf("the match has the answer %d (%q) %d times, want once", info.Ordinal, info.InvoiceNumber, n)
			}
		}
		// An invoice that is left and an answer that is left never agree on a number that is unique
		// on both sides.
		for _, i := range m.invoices {
			for _, a := range m.answers {
				if i.Number != "" && i.Number == a.InvoiceNumber && len(infosOf(infos, i.Number)) == 1 &&
					len(invoicesWith(invs, i.Number)) == 1 {
					t.Errorf("the invoice %q was not paired, although one answer alone has its number", i.Number)
				}
			}
		}
	})
}

func infosOf(all []ksef.InvoiceInfo, number string) []ksef.InvoiceInfo {
	return slices.DeleteFunc(slices.Clone(all), func(i ksef.InvoiceInfo) bool { return i.InvoiceNumber != number })
}

func invoicesWith(all []ledger.Invoice, number string) []ledger.Invoice {
	return slices.DeleteFunc(slices.Clone(all), func(i ledger.Invoice) bool { return i.Number != number })
}
