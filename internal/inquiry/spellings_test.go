package inquiry_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/inquiry"
	"ksefworker/internal/ledger"
)

// A person types ordinary spaces, perhaps too many, whatever spaces the number has.
func TestFind_WhiteSpaceDiffers_TheInvoiceIsFoundAsKSeFComparesNumbers(t *testing.T) {
	w := newWorld(t)
	long := "F A K T U R A 1 7"
	for number, typed := range map[string][]string{
		"FV 1/2":                                {"FV 1/2", "FV  1/2", " FV 1/2 ", "FV\u00a01/2", "FV       1/2", "FV\t1/2"},
		"FV\u00a03":                             {"FV 3", "FV      3"},
		strings.ReplaceAll(long, " ", "\u00a0"): {long, strings.ReplaceAll(long, " ", "      ")},
		"A B C D E F\u00a0G":                    {"A B C D E F G", "A\u00a0B C D E F G"},
		"H I J\u00a0K L\u00a0M N O":             {"H I J K L M N O"}, // no look-up tries this mixture of spaces
		"P\u00a0\u00a0\u00a0Q":                  {"P Q", "P       Q"},
		"S" + strings.Repeat("\u00a0s", 70):     {"S" + strings.Repeat(" s", 70)},
		"plain":                                 {"plain"},
		"one\u00a0\u2009two\u00a0\u00a0three":   {"one two three"},
	} {
		id := w.take(sellerA, number, number)
		for _, name := range append(typed, number) {
			invs, err := w.reader.Find(t.Context(), name)
			if err != nil || len(invs) != 1 || invs[0].ID != id {
				t.Errorf("%q finds %v (%v), want %q", name, invs, err, number)
			}
		}
	}
	for _, name := range []string{"FV1/2", "FV 1 /2", "P\u00a0", " ", "inv-none", "no such number"} {
		if invs, err := w.reader.Find(t.Context(), name); err != nil || len(invs) != 0 {
			t.Errorf("%q finds %v (%v), want none", name, invs, err)
		}
	}
}

// Two invoices with the same number may belong to two tenants. Each tenant sees only its own
// invoice.
func TestFind_NumberIsThereInSeveralSpellings_EachIsFoundAndNoneHidesAnother(t *testing.T) {
	w := newWorld(t)
	long := "A B C D E F G H" // more than maxSpaces spaces
	plain, noBreak := w.take(sellerA, "FV 1 2", "1"), w.take(sellerB, "FV\u00a01 2", "2")
	hides, hidden := w.take(sellerA, long, "3"), w.take(sellerB, "A B\u00a0C D E\u00a0F G H", "4")
	for _, c := range []struct {
		name, tenant string
		want         []string
	}{
		{"FV 1 2", "", []string{plain, noBreak}}, {"FV\u00a01 2", "", []string{plain, noBreak}},
		{"FV 1\u00a02", "", []string{plain, noBreak}},
		{"FV 1 2", sellerA, []string{plain}}, {"FV 1 2", sellerB, []string{noBreak}}, {"FV\u00a01 2", sellerA, []string{plain}},
		{long, sellerA, []string{hides}}, {long, sellerB, []string{hidden}}, {noBreak, sellerA, nil}, {noBreak, sellerB, []string{noBreak}},
	} {
		var tenants []string
		if c.tenant != "" {
			tenants = []string{c.tenant}
		}
		invs, err := w.reader.Find(t.Context(), c.name, tenants...)
		var got []string
		for _, inv := range invs {
			got = append(got, inv.ID)
		}
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%q of tenant %q finds %q (%v), want %q", c.name, c.tenant, got, err, c.want)
		}
	}
}

// Programs that format numbers for people may put narrow or wide spaces into them.
func TestFindNumber_RareSpaces_AreFound(t *testing.T) {
	w := newWorld(t)
	for i, number := range []string{"SP\u2009A 4", "SP\u202fA 10", "SP\u3000A\u30005", "SP\u2003A\u200311", "SP\u2007A 14", "SP A\u200a7"} {
		id := w.take(sellerA, number, fmt.Sprint(i))
		for _, name := range []string{number, strings.Join(strings.Fields(number), " "), strings.Join(strings.Fields(number), "\u00a0")} {
			invs, err := w.reader.FindNumber(t.Context(), name)
			if err != nil || len(invs) != 1 || invs[0].ID != id {
				t.Errorf("%q finds %v (%v), want %q", name, invs, err, number)
			}
		}
	}
}

func TestRefused_WhiteSpaceDiffers_TheRefusalIsFound(t *testing.T) {
	w := newWorld(t)
	id := w.refuse(sellerA, "a.xml", "FV\u00a0 1 2 3 4 5 6 7")
	for _, name := range []string{"FV 1 2 3 4 5 6 7", "FV      1 2 3 4 5 6 7"} {
		found, err := w.reader.Refused(t.Context(), name)
		if err != nil || len(found) != 1 || found[0].ID != id {
			t.Errorf("%q finds %v, %v, want the one refusal", name, found, err)
		}
	}
}

func TestDecided_NumberWithManySpaces_PassesTheFilterHoweverItIsTyped(t *testing.T) {
	w := newWorld(t)
	id := w.take(sellerA, "A\u00a0B C D E F G 9", "1")
	w.move(ledger.Parked, id)
	for _, begin := range []string{"A B C D E F G", "A       B", "A\u00a0B C D E F G 9"} {
		shown := 0
		for d, err := range w.reader.Decided(t.Context(), time.Time{}, inquiry.Filter{Number: begin}) {
			w.check(err)
			if d.Invoice.ID == id {
				shown++
			}
		}
		if shown != 1 {
			t.Errorf("the filter %q shows the invoice %d times, want once", begin, shown)
		}
	}
}
