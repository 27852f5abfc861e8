package settlement

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

func counted(n, successes int) ksef.SessionInfo {
	return ksef.SessionInfo{Status: ksef.StatusInfo{Code: 200}, Counted: true, InvoiceCount: n,
		SuccessfulInvoiceCount: successes, FailedInvoiceCount: n - successes}
}

func coded(number string, code int) ksef.InvoiceInfo {
	info := ksef.InvoiceInfo{InvoiceNumber: number, Status: ksef.StatusInfo{Code: code}}
	if code == 0 {
		info.Unreadable = "no code"
	}
	return info
}

func TestProof_Absence_NeedsAnAccountOfEverything(t *testing.T) {
	for _, c := range []struct {
		why     string
		session ksef.SessionInfo
		lane    ledger.Lane
		ours    []string
		answers []ksef.InvoiceInfo
		absent  bool // it is proven that KSeF lacks the invoice without an answer
		refused bool // the same would be proven if the session had failed as a whole
	}{
		{"the only invoice that the session counts has its answer", counted(1, 1), ledger.Express, []string{"A", "B"},
			[]ksef.InvoiceInfo{coded("B", 200)}, true, true},
		{"a list of 2 where the session counts 5", counted(5, 5), ledger.Bulk, []string{"A", "B", "C", "D", "E"},
			[]ksef.InvoiceInfo{coded("A", 200), coded("B", 200)}, false, false},
		{"an acceptance with an unknown number", counted(2, 2), ledger.Express, []string{"A", "B"},
			[]ksef.InvoiceInfo{coded("B", 200), coded("other", 200)}, false, false},
		{"an acceptance without a number", counted(2, 2), ledger.Express, []string{"A", "B"},
			[]ksef.InvoiceInfo{coded("B", 200), coded("", 200)}, false, false},
		{"an answer that cannot be read", counted(2, 1), ledger.Express, []string{"A", "B"},
			[]ksef.InvoiceInfo{coded("B", 200), coded("", 0)}, false, false},
		{"a refusal without a number", counted(2, 1), ledger.Express, []string{"A", "B"},
			[]ksef.InvoiceInfo{coded("B", 200), coded("", 450)}, true, true},
		{"the session counts nothing, its list is empty", counted(0, 0), ledger.Express, []string{"A"}, []ksef.InvoiceInfo{}, true, true},
		{"the session does not count", ksef.SessionInfo{}, ledger.Express, []string{"A", "B"},
			[]ksef.InvoiceInfo{coded("B", 200)}, false, false},
		{"there is no list", counted(0, 0), ledger.Express, []string{"A"}, nil, false, true},
		{"the session does not count and its list is empty", ksef.SessionInfo{}, ledger.Bulk, []string{"A"},
			[]ksef.InvoiceInfo{}, false, true},
		{"the session does not count, but its list has an answer for each invoice in the ZIP", ksef.SessionInfo{}, ledger.Bulk,
			[]string{"A", "B"}, []ksef.InvoiceInfo{coded("B", 200), coded("", 450)}, true, true},
		{"the session does not count, and its list lacks an invoice in the ZIP", ksef.SessionInfo{}, ledger.Bulk, []string{"A", "B"},
			[]ksef.InvoiceInfo{coded("B", 200)}, false, false},
		{"two numbers that differ in white space alone, and one acceptance", counted(1, 1), ledger.Bulk, []string{"A 1", "A  1"},
			[]ksef.InvoiceInfo{coded("A 1", 200)}, false, false},
	} {
		a := newAccount(c.lane, invoicesOf(c.ours...), c.session, c.answers)
		if got := a.provesAbsence(); got != c.absent {
			t.Errorf("%s: the account proves absence: %v, want %v", c.why, got, c.absent)
		}
		if got := a.provesRefusal(true); got != c.refused {
			t.Errorf("%s: the account proves a refusal: %v, want %v", c.why, got, c.refused)
		}
	}
}

// A code that says why a session was refused also says that nothing of it was processed. With any
// other code, the list, the count and the receipt may all lag. In that case, a session without
// answers proves that nothing was processed only if it stays without answers for some time.
func TestProof_RefusedSessionIsSilent_OnlyAReasonOrTimeProvesThatNothingWasProcessed(t *testing.T) {
	const unpublished = 210
	for _, c := range []struct {
		code          int
		counted, list int  // answers counted and listed; -1: no count, or no list
		at, later     bool // at: the refusal is proven at once; later: when the silence has lasted
	}{
		{ksef.BatchSessionKeyNotDecrypted, -1, -1, true, true},
		{ksef.BatchSessionKeyNotDecrypted, 2, 0, true, true},
		{500, -1, -1, false, true}, {500, -1, 0, false, true}, {500, 0, 0, false, true}, {500, 0, -1, false, true},
		{500, 2, 0, false, false}, {500, 2, -1, false, false}, {500, -1, 2, true, true}, {500, 2, 2, true, true},
		{500, -1, 1, false, false}, {500, 2, 1, false, false}, {500, 1, 1, false, true},
		{unpublished, 2, 0, false, false}, {unpublished, -1, -1, false, true},
	} {
		session := ksef.SessionInfo{}
		if c.counted >= 0 {
			session = counted(c.counted, 0)
		}
		session.Status.Code = c.code
		var answers []ksef.InvoiceInfo
		if c.list >= 0 {
			answers = []ksef.InvoiceInfo{coded("A", 500), coded("B", 500)}[:c.list]
		}
		a := newAccount(ledger.Bulk, invoicesOf("A", "B"), session, answers)
		if at, later := a.provesRefusal(false), a.provesRefusal(true); at != c.at || later != c.later {
			t.Errorf("code %d, %d counted, %d listed: the refusal is proven at once: %v, and later: %v; want %v and %v",
				c.code, c.counted, c.list, at, later, c.at, c.later)
		}
	}
}

func receiptWith(hashes ...string) ksef.Receipt {
	r := ksef.Receipt{Lines: map[string]ksef.ReceiptLine{}, ByHash: map[string]string{}}
	for i, h := range hashes {
		number := fmt.Sprint("K", i)
		r.Lines[number], r.ByHash[h] = ksef.ReceiptLine{Hash: h}, number
	}
	return r
}

func TestProof_ReceiptCoversOnlyWhenItHasEveryAcceptance(t *testing.T) {
	ours := invoicesOf("A", "B", "C")
	for i := range ours {
		ours[i].Hash = ours[i].Number
	}
	list := []ksef.InvoiceInfo{coded("A", 200), coded("B", 450)}
	for _, c := range []struct {
		why     string
		session ksef.SessionInfo
		receipt ksef.Receipt
		want    bool
	}{
		{"as many lines as successes, one of them about the accepted invoice", counted(3, 2), receiptWith("A", "C"), true},
		{"fewer lines than successes", counted(3, 2), receiptWith("A"), false},
		{"no line about the accepted invoice", counted(3, 2), receiptWith("C", "X"), false},
		{"successes are not counted, and the list is short", ksef.SessionInfo{Counted: true, InvoiceCount: 3},
			receiptWith("A", "C"), false},
		{"successes are not counted, and the list lacks one that was in the ZIP",
			ksef.SessionInfo{Counted: true, InvoiceCount: 2}, receiptWith("A"), false},
		{"a line that is none of ours: it may be another session's receipt", counted(3, 2), receiptWith("A", "X"), false},
		{"no line at all", counted(3, 0), receiptWith(), false},
	} {
		if got := newAccount(ledger.Bulk, ours, c.session, list).covered(c.receipt); got != c.want {
			t.Errorf("%s: the receipt covers the session: %v, want %v", c.why, got, c.want)
		}
	}
}

// An invoice that KSeF accepted is never proven absent, even if answers are left out, rewritten or
// unreadable.
func TestProof_WhatWasAcceptedIsNeverProvenAbsent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(t, "invoices")
		ours := make([]ledger.Invoice, n)
		var truth []ksef.InvoiceInfo
		var hashes []string
		accepted := map[string]bool{}
		for i := range ours {
			number := rapid.SampledFrom([]string{"A", "A ", "B", "B  1", "B 1", "C"}).Draw(t, "number")
			ours[i] = ledger.Invoice{Facts: ledger.Facts{ID: fmt.Sprint("inv-", i)}, Number: number, Hash: fmt.Sprint("h", i)}
			switch rapid.IntRange(0, 2).Draw(t, "fate") {
			case 0: // accepted
				accepted[ours[i].ID] = true
				hashes = append(hashes, ours[i].Hash)
				truth = append(truth, ksef.InvoiceInfo{Status: ksef.StatusInfo{Code: 200}, InvoiceNumber: number,
					KSeFNumber: fmt.Sprint("K", len(hashes)-1)})
			case 1:
				truth = append(truth, coded(number, 450))
			} // 2: it never arrived
		}
		session := counted(len(truth), len(hashes))
		if rapid.Bool().Draw(t, "uncounted") {
			session = ksef.SessionInfo{Status: session.Status}
		}
		told := []ksef.InvoiceInfo{}
		for _, info := range truth {
			switch rapid.IntRange(0, 5).Draw(t, "told") {
			case 0: // left out
			case 1:
				info.InvoiceNumber = NormalName(info.InvoiceNumber)
				told = append(told, info)
			case 2:
				info.InvoiceNumber = "rewritten"
				told = append(told, info)
			case 3:
				told = append(told, ksef.InvoiceInfo{Unreadable: "odd", InvoiceNumber: info.InvoiceNumber})
			default:
				told = append(told, info)
			}
		}
		lane := rapid.SampledFrom([]ledger.Lane{ledger.Bulk, ledger.Express}).Draw(t, "lane")
		a := newAccount(lane, ours, session, told)
		receipt := receiptWith(hashes...)
		for _, inv := range a.invoices {
			if !accepted[inv.ID] {
				continue
			}
			if a.provesAbsence() {
				t.Errorf("%s (%q) is accepted, but the list %+v of session %+v proves it absent", inv.ID, inv.Number, told, session)
			}
			if receipt.ByHash[inv.Hash] == "" {
				t.Errorf("the receipt does not have %s", inv.ID)
			}
		}
	})
}
