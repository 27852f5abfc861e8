package settlement

import (
	"strings"
	"testing"
	"time"

	"ksefworker/internal/invoice"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

func duplicate(by, original string) *ledger.Invoice {
	return &ledger.Invoice{
		Facts: ledger.Facts{ID: "inv-1", NIP: seller, Kind: "VAT"}, Rev: 1, State: ledger.Sent, Package: place,
		Number: "A/1", Hash: "ours", Code: ksef.InvoiceDuplicate, OriginalBy: by, OriginalNumber: original,
		OriginalSession: "T",
	}
}

// toldFinding writes what a finding decides in a few words.
func toldFinding(f Finding) string {
	switch {
	case f.Document:
		return "fetch its document"
	case f.Other != nil:
		return "compare with " + f.Other.Hash
	case f.Move.Fate == Accept:
		return "recovered as " + f.Move.Accepted.Number
	case f.Move.Fate == Park:
		return "parked"
	case f.Move.Fate == LookUp && f.Move.Original.By == BySearch:
		return "search"
	}
	return "nothing"
}

func TestByReceipt_EachCase_HasItsFinding(t *testing.T) {
	right, other := ksefNumber(1), ksefNumber(2)
	at := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	receipt := func(number, hash, sellerNIP, name string) ksef.Receipt {
		return ksef.Receipt{Lines: map[string]ksef.ReceiptLine{invoice.CanonicalKsefNumber(number): {SellerNIP: sellerNIP,
			Number: name, Hash: hash, AssignedAt: at}},
			ByHash: map[string]string{hash: number}}
	}
	for _, c := range []struct {
		why      string
		original string
		receipt  ksef.Receipt
		want     string
	}{
		{"our bytes under a good number", right, receipt(right, "ours", seller, "A/1"), "recovered as " + right},
		{"our bytes, and KSeF named another number", other, receipt(right, "ours", seller, "A/1"), "recovered as " + right},
		{"our bytes, and KSeF named no number", "", receipt(right, "ours", seller, "A/1"), "recovered as " + right},
		{"our bytes under an invalid number", right, receipt("odd", "ours", seller, "A/1"), "parked"},
		{"our number and seller, other bytes", right, receipt(right, "theirs", seller, " A/1 "), "compare with theirs"},
		{"an invoice of another seller", right, receipt(right, "theirs", "1111111111", "A/1"), "fetch its document"},
		{"another invoice of the seller", right, receipt(right, "theirs", seller, "A/2"), "fetch its document"},
		{"an empty receipt, and KSeF named a good number", right, ksef.Receipt{}, "fetch its document"},
		{"an empty receipt, and KSeF named no number", "", ksef.Receipt{}, "search"},
		{"an empty receipt, and KSeF named an invalid number", "odd", ksef.Receipt{}, "search"},
	} {
		f := ByReceipt(duplicate(ByAnswer, c.original), c.receipt, "file://upo")
		if got := toldFinding(f); got != c.want {
			t.Errorf("%s: the finding is %s, want %s", c.why, got, c.want)
		}
		if f.Move != nil && f.Move.Fate == Accept && (f.Move.Accepted.UPO != "file://upo" || !f.Move.Accepted.At.Equal(at) ||
			!f.Move.Accepted.Recovered) {
			t.Errorf("%s: the acceptance is %+v, want it recovered, with the receipt's UPO and time", c.why, f.Move.Accepted)
		}
	}
}

func TestByDocument_EachCase_HasItsFinding(t *testing.T) {
	right := ksefNumber(1)
	for _, c := range []struct {
		why, by, hash string
		same          bool
		want          string
	}{
		{"our bytes, named by an answer", ByAnswer, "ours", false, "recovered as " + right},
		{"our bytes, found in the register", ByRegister, "ours", false, "recovered as " + right},
		{"our seller, kind and number but other bytes, named by an answer", ByAnswer, "theirs", true, "compare with theirs"},
		{"our seller, kind and number but other bytes, found in the register", ByRegister, "theirs", false, "compare with theirs"},
		{"another invoice, named by an answer: the answer proves nothing", ByAnswer, "theirs", false, "search"},
	} {
		if got := toldFinding(ByDocument(duplicate(c.by, right), c.hash, c.same)); got != c.want {
			t.Errorf("%s: the finding is %s, want %s", c.why, got, c.want)
		}
	}
	for by, want := range map[string]string{ByAnswer: "search", ByRegister: "parked"} {
		if got := toldFinding(Withheld(duplicate(by, right))); got != want {
			t.Errorf("withheld, known by %s: the finding is %s, want %s", by, got, want)
		}
	}
}

func TestByContent_EachCase_HasItsFinding(t *testing.T) {
	right := ksefNumber(1)
	for _, c := range []struct{ why, original, difference, cannot, want, says string }{
		{"the same invoice", right, "", "", "recovered as " + right, ""},
		{"the documents differ", right, "P_15", "", "parked", "first difference: P_15"},
		{"the documents could not be compared", right, "", "ours is lost", "parked", "ours is lost, so the two could not be compared"},
		{"the same invoice under an invalid number", "odd", "", "", "search", ""},
	} {
		o := OtherBytes{Invoice: duplicate(ByAnswer, c.original), Hash: "theirs", UPO: "file://upo"}
		f := ByContent(o, c.difference, c.cannot)
		if got := toldFinding(f); got != c.want {
			t.Errorf("%s: the finding is %s, want %s", c.why, got, c.want)
		}
		if c.says != "" && (!strings.Contains(f.Move.Reason, c.says) ||
			!strings.Contains(f.Move.Reason, "hash theirs, ours ours") || f.Move.Code != 440) {
			t.Errorf("%s: the move has code %d and the reason %s, want 440 and a reason with both hashes and %q",
				c.why, f.Move.Code, f.Move.Reason, c.says)
		}
		if f.Move.Fate == Accept && (f.Move.Accepted.Hash != "theirs" || f.Move.Accepted.UPO != "file://upo") {
			t.Errorf("%s: the acceptance is %+v, want the hash and the UPO of the original", c.why, f.Move.Accepted)
		}
	}
}
