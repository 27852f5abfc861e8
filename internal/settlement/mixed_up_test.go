package settlement

import (
	"testing"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

// KSeF gives each KSeF number once. When a list has two invoices with the same KSeF number, the
// receipt decides by content. Until the receipt is there, neither invoice counts as accepted.
func TestDecide_OneKSeFNumberForSeveralInvoices_TheReceiptDecides(t *testing.T) {
	for _, session := range []int{200, 500} {
		p, held := packageOf(3, ledger.PackageProcessing)
		infos := make([]ksef.InvoiceInfo, 3)
		for i, inv := range held.Invoices {
			infos[i] = ksef.InvoiceInfo{Status: ksef.StatusInfo{Code: 200}, Ordinal: i + 1, InvoiceNumber: inv.Number,
				KSeFNumber: ksefNumber(min(i, 1))} // the second and the third share a KSeF number
		}
		listed := Listed{Session: counted(3, 3), List: List{Asked: true, Invoices: infos}}
		listed.Session.Status.Code = session
		if d := (Rules{}).Decide(p, held, listed, began); d.Ask.For != TheReceipt {
			t.Fatalf("session %d: the decision is %+v, want it to ask for the receipt", session, d)
		}
		listed.Receipt = OwnReceipt{Asked: true, Receipt: ksef.Receipt{Lines: map[string]ksef.ReceiptLine{}, ByHash: map[string]string{}}}
		for i, inv := range held.Invoices {
			listed.Receipt.Receipt.Lines[ksefNumber(i)] = ksef.ReceiptLine{Hash: inv.Hash}
			listed.Receipt.Receipt.ByHash[inv.Hash] = ksefNumber(i)
		}
		got := map[string]string{}
		for _, m := range (Rules{}).Decide(p, held, listed, began).Moves {
			if m.Fate == Accept {
				got[m.Invoice.ID] = m.Accepted.Number
			}
		}
		for i, inv := range held.Invoices {
			if got[inv.ID] != ksefNumber(i) {
				t.Errorf("session %d: %s is accepted as %q, want %s", session, inv.ID, got[inv.ID], ksefNumber(i))
			}
		}
	}
}

// An answer that is listed twice counts as one answer.
func TestAccount_TheSameAcceptanceTwice_SharesNoNumber(t *testing.T) {
	one := ksef.InvoiceInfo{Status: ksef.StatusInfo{Code: 200}, InvoiceNumber: "A", KSeFNumber: ksefNumber(1)}
	other := one
	other.InvoiceNumber = "B"
	a := newAccount(ledger.Bulk, invoicesOf("A", "B"), counted(2, 2), []ksef.InvoiceInfo{one, one})
	if shared := a.sharedNumbers(); len(shared) != 0 {
		t.Errorf("one acceptance that is listed twice shares the numbers %v, want none", shared)
	}
	a = newAccount(ledger.Bulk, invoicesOf("A", "B"), counted(2, 2), []ksef.InvoiceInfo{one, other})
	if shared := a.sharedNumbers(); len(shared) != 1 {
		t.Errorf("the acceptances of two invoices share the numbers %v, want one", shared)
	}
}

// The answers to two sends were mixed up, so the reference of an invoice leads to the answer about
// another invoice.
func TestDecide_ReferenceLeadsToAnotherInvoice_ItsAnswerIsNotTaken(t *testing.T) {
	for name, answer := range map[string]ksef.InvoiceInfo{
		"number": {InvoiceNumber: "another"}, "hash": {InvoiceNumber: "A/0", Hash: "another"},
	} {
		for _, session := range []int{200, 415, 500} {
			p, held := packageOf(1, ledger.PackageProcessing)
			p.Lane = ledger.Express
			held.Invoices[0].Lane, held.Invoices[0].Reference = ledger.Express, "ref"
			answer.Status, answer.KSeFNumber, answer.Ordinal = ksef.StatusInfo{Code: 200}, ksefNumber(1), 1
			by := map[string]ksef.InvoiceInfo{held.Invoices[0].ID: answer}
			listed := Listed{Session: counted(1, 0), List: List{Asked: true, Invoices: []ksef.InvoiceInfo{}},
				Statuses: Statuses{Asked: true, By: by}, Receipt: OwnReceipt{Asked: true}}
			listed.Session.Status.Code = session
			d := (Rules{Refusals: 3}).Decide(p, held, listed, began)
			if len(d.Moves) > 0 || len(d.Gone) > 0 || d.Doubt == nil {
				t.Errorf("%s, session %d: the decision is %+v, want only a doubt", name, session, d)
			}
		}
	}
}

// KSeF was seen to call a session cancelled seconds after it had been closed properly.
func TestDecide_SessionCalledCancelledAfterItsClose_NothingIsSentAgainAtOnce(t *testing.T) {
	for _, lane := range []ledger.Lane{ledger.Bulk, ledger.Express} {
		p, held := packageOf(2, ledger.PackageProcessing)
		p.Lane = lane
		listed := Listed{Session: ksef.SessionInfo{Status: ksef.StatusInfo{Code: ksef.BatchSessionCancelled}},
			List: List{Asked: true, Invoices: []ksef.InvoiceInfo{}}, Receipt: OwnReceipt{Asked: true}, Statuses: Statuses{Asked: true}}
		d := (Rules{Refusals: 3}).Decide(p, held, listed, began)
		if len(d.Gone) > 0 || d.Doubt == nil || d.Wait == nil {
			t.Errorf("%s: at once the decision is %+v, want a doubt and a wait", lane, d)
		}
		p.Doubt = ledger.At(began)
		d = (Rules{Refusals: 3}).Decide(p, held, listed, began.Add(maxSilence+time.Second))
		if len(d.Gone) != 2 {
			t.Errorf("%s: after a minute of silence the decision is %+v, want both invoices gone", lane, d)
		}
	}
}
