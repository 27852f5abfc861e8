package settlement

import (
	"testing"

	"pgregory.net/rapid"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

func TestMatch_HashOrFile_ComesBeforeTheNumber(t *testing.T) {
	invs := invoicesOf("A", "B", "C", "D")
	for i := range invs {
		invs[i].Hash = "hash of " + invs[i].ID
	}
	for _, c := range []struct {
		what    string
		answers []ksef.InvoiceInfo
		want    string
	}{
		{"the hash, whatever the number says", []ksef.InvoiceInfo{
			{Ordinal: 1, InvoiceNumber: "B", Hash: "hash of inv-0"}, {Ordinal: 2, InvoiceNumber: "A", Hash: "hash of inv-1"}},
			"inv-0=1 inv-1=2 | inv-2 inv-3 | "},
		{"the file, when there is no hash", []ksef.InvoiceInfo{{
			Ordinal: 1, InvoiceNumber: "B", FileName: "inv-2.xml",
		}}, "inv-2=1 | inv-0 inv-1 inv-3 | "},
		{"the hash, whatever the file says", []ksef.InvoiceInfo{{
			Ordinal: 1, Hash: "hash of inv-3", FileName: "inv-2.xml",
		}}, "inv-3=1 | inv-0 inv-1 inv-2 | "},
		{"a hash that nobody owns is nobody's, whatever number and file say", []ksef.InvoiceInfo{
			{Ordinal: 1, InvoiceNumber: "A", Hash: "another", FileName: "inv-0.xml"}}, " | inv-0 inv-1 inv-2 inv-3 | 1"},
		{"a file that nobody owns", []ksef.InvoiceInfo{{
			Ordinal: 1, InvoiceNumber: "A", FileName: "x.xml",
		}}, " | inv-0 inv-1 inv-2 inv-3 | 1"},
		{"two answers of one hash", []ksef.InvoiceInfo{{
			Ordinal: 1, Hash: "hash of inv-0",
		}, {Ordinal: 2, InvoiceNumber: "A", Hash: "hash of inv-0"}},
			"inv-0=1 | inv-1 inv-2 inv-3 | 2"},
		{"the others by their number", []ksef.InvoiceInfo{{
			Ordinal: 1, InvoiceNumber: "D",
		}, {Ordinal: 2, Hash: "hash of inv-0"}}, "inv-0=2 inv-3=1 | inv-1 inv-2 | "},
	} {
		if got := told(match(invs, c.answers)); got != c.want {
			t.Errorf("%s: the matching is %s, want %s", c.what, got, c.want)
		}
	}
}

// Whatever the list says, an answer with a hash is joined to the invoice of that hash and to no
// other.
func TestMatch_AnyList_NoAnswerGetsAnInvoiceOfAnotherHash(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		letters := rapid.SampledFrom([]string{"A", "B", "C", "D"})
		var invs []ledger.Invoice
		for i, number := range rapid.SliceOfN(letters, 0, 4).Draw(t, "numbers") {
			invs = append(invs, ledger.Invoice{
				Facts: ledger.Facts{ID: string(rune('a' + i))}, Number: number, Hash: string(rune('1' + i)),
			})
		}
		var infos []ksef.InvoiceInfo
		for i := range rapid.IntRange(0, 6).Draw(t, "answers") {
			infos = append(infos, ksef.InvoiceInfo{Ordinal: i + 1, InvoiceNumber: letters.Draw(t, "number"),
				Hash:     rapid.SampledFrom([]string{"", "1", "2", "3", "9"}).Draw(t, "hash"),
				FileName: rapid.SampledFrom([]string{"", "a.xml", "z.xml"}).Draw(t, "file")})
		}
		m := match(invs, infos)
		seen := map[string]bool{}
		for _, p := range m.pairs {
			if p.info.Hash != "" && p.info.Hash != p.inv.Hash || p.info.Hash == "" && p.info.FileName != "" && p.info.FileName != p.inv.ID+
				".xml" {
				t.Errorf("the answer %+v is joined to the invoice %+v, which has another hash or file name", p.info, p.inv)
			}
			if seen[p.inv.ID] {
				t.Errorf("the invoice %s is joined to two answers", p.inv.ID)
			}
			seen[p.inv.ID] = true
		}
		if len(m.pairs)+len(m.answers) != len(infos) || len(m.pairs)+len(m.invoices) != len(invs) {
			t.Errorf("%d invoices and %d answers became %s, want each of them once", len(invs), len(infos), told(m))
		}
	})
}

func TestAccount_HashOfNobody_ProvesNoAbsence(t *testing.T) {
	invs := invoicesOf("A", "B")
	for i := range invs {
		invs[i].Hash = "hash of " + invs[i].ID
	}
	refused := ksef.StatusInfo{Code: 450}
	session := ksef.SessionInfo{Status: ksef.StatusInfo{Code: 200}, Counted: true, InvoiceCount: 2, FailedInvoiceCount: 2}
	list := []ksef.InvoiceInfo{{
		Ordinal: 1, Hash: "hash of inv-0", Status: refused,
	}, {Ordinal: 2, InvoiceNumber: "B", Hash: "foreign", Status: refused}}
	a := newAccount(ledger.Bulk, invs, session, list)
	if proves, foreign := a.provesAbsence(), a.foreign(); proves || !foreign {
		t.Errorf("a list with a document that nobody sent proves absence: %v, and is foreign: %v; want false and true", proves, foreign)
	}
	list[1].Hash = ""
	list[1].InvoiceNumber = ""
	a = newAccount(ledger.Bulk, invs, session, list)
	if proves, foreign := a.provesAbsence(), a.foreign(); !proves || foreign {
		t.Errorf("a list with a refusal that has neither number nor hash proves absence: %v, and is foreign: %v; want true and false",
			proves, foreign)
	}
}
