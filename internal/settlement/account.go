package settlement

import (
	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

// Absence needs proof. A processed session proves that KSeF lacks an invoice only if the session's
// answers account for everything in it. For a refused session see provesRefusal.

// account is what a session that is over says about the invoices of its package.
type account struct {
	matching
	session ksef.SessionInfo
	pkg     string // the package's id; "" when the package holds all of these invoices
	lane    ledger.Lane
	members int  // how many invoices the package ever held
	unread  int  // of these, how many have an entry that cannot be read
	listed  bool // there is a list
	entries int  // how many answers the list has; those of one ordinal count once
	hashes  map[string]bool
}

// newAccount joins the session's list to the package's invoices.
func newAccount(lane ledger.Lane, members []ledger.Invoice, session ksef.SessionInfo, infos []ksef.InvoiceInfo) account {
	a := account{
		matching: match(members, infos), session: session, lane: lane, members: len(members),
		listed: infos != nil, hashes: make(map[string]bool, len(members)),
	}
	for i := range members {
		a.hashes[members[i].Hash] = true
	}
	ordinals := make(map[int]bool, len(infos))
	for _, info := range infos {
		if info.Ordinal == 0 || !ordinals[info.Ordinal] {
			a.entries++
		}
		ordinals[info.Ordinal] = true
	}
	return a
}

// accountOf joins the session's list to the ledger's entries. An answer without an invoice may
// belong to an entry that cannot be read.
func accountOf(p ledger.Package, held Held, session ksef.SessionInfo, infos []ksef.InvoiceInfo) account {
	a := newAccount(p.Lane, held.Invoices, session, infos)
	a.members, a.unread, a.pkg = held.Members, len(held.Unread), p.ID
	return a
}

// missing returns the invoices that the package holds and that have no answer.
func (a account) missing() []*ledger.Invoice {
	var out []*ledger.Invoice
	for _, inv := range a.invoices {
		if holds(a.pkg, inv) {
			out = append(out, inv)
		}
	}
	return out
}

// sends returns the missing invoices that have a reference. KSeF can be asked for their status by
// this reference.
func (a account) sends() []*ledger.Invoice {
	var out []*ledger.Invoice
	for _, inv := range a.missing() {
		if inv.Reference != "" {
			out = append(out, inv)
		}
	}
	return out
}

// join gives invoices the answers that KSeF gave about their references. Such an answer is about
// the invoice that has the reference, unless the answer's own hash or number is that of another
// invoice.
func (a *account) join(by map[string]ksef.InvoiceInfo) {
	if len(by) == 0 {
		return
	}
	var rest []*ledger.Invoice
	for _, inv := range a.invoices {
		info, told := by[inv.ID]
		if !told || ofAnother(inv, info) {
			rest = append(rest, inv)
			continue
		}
		a.pairs = append(a.pairs, pairing{inv, info})
		a.claimAnswer(info)
	}
	a.invoices = rest
}

// claimAnswer removes an answer that has just been joined to an invoice from the answers without an
// owner. It takes the first answer that it finds with, in this order:
//   - the same KSeF number
//   - the same ordinal
//   - the same code and invoice number
//   - the same code, but neither a KSeF number nor an invoice number
//
// It never takes an answer with another KSeF number, ordinal or hash.
func (a *account) claimAnswer(info ksef.InvoiceInfo) {
	differs := func(o ksef.InvoiceInfo) bool {
		return info.KSeFNumber != "" && o.KSeFNumber != "" && info.KSeFNumber != o.KSeFNumber ||
			info.Ordinal != 0 && o.Ordinal != 0 && info.Ordinal != o.Ordinal ||
			info.Hash != "" && o.Hash != "" && info.Hash != o.Hash
	}
	same := []func(ksef.InvoiceInfo) bool{
		func(o ksef.InvoiceInfo) bool { return info.KSeFNumber != "" && o.KSeFNumber == info.KSeFNumber },
		func(o ksef.InvoiceInfo) bool { return info.Ordinal != 0 && o.Ordinal == info.Ordinal },
		func(o ksef.InvoiceInfo) bool {
			return o.Status.Code == info.Status.Code && NormalName(o.InvoiceNumber) == NormalName(info.InvoiceNumber)
		},
		func(o ksef.InvoiceInfo) bool {
			return o.Status.Code == info.Status.Code && o.KSeFNumber == "" && o.InvoiceNumber == ""
		},
	}
	for _, is := range same {
		for i, o := range a.answers {
			if is(o) && !differs(o) {
				a.answers = append(a.answers[:i:i], a.answers[i+1:]...)
				return
			}
		}
	}
}

// complete reports whether the list has an answer for everything in the session. The list must have
// as many answers as the session counts. For a batch session it must also have one for each invoice
// that was in the ZIP, because the count can lag behind, just like the list. For an online session,
// KSeF must have given a count. An answer that appears twice counts once.
//
// A single send that KSeF has confirmed is in the session. A list or a count that lacks this send
// lags behind, so the list is not complete.
func (a account) complete() bool {
	if !a.listed || a.unansweredSends() > 0 {
		return false
	}
	if a.entries < a.expected() || a.lane != ledger.Bulk && !a.session.Counted {
		return false
	}
	return !a.session.Counted || a.entries >= a.session.InvoiceCount
}

// expected returns how many answers the session must have at least. A batch session has one for
// each invoice in the ZIP, and an online session has one for each send that KSeF confirmed with a
// reference.
func (a account) expected() int {
	if a.lane == ledger.Bulk {
		return a.members
	}
	n := a.unansweredSends()
	for _, p := range a.pairs {
		if p.inv.Reference != "" && (a.pkg == "" || p.inv.Package == a.pkg) {
			n++
		}
	}
	return n
}

// unansweredSends returns how many invoices of an online session have a reference from KSeF but no
// answer yet.
func (a account) unansweredSends() int {
	n := 0
	for _, inv := range a.invoices {
		if a.lane == ledger.Express && inv.Reference != "" && (a.pkg == "" || holds(a.pkg, inv)) {
			n++
		}
	}
	return n
}

// listedDone returns how many acceptances the list has.
func (a account) listedDone() int {
	n := 0
	for _, p := range a.pairs {
		if p.info.Status.Done() {
			n++
		}
	}
	return n
}

// processing reports whether one of the answers says that KSeF is still processing the invoice.
func (a account) processing() bool {
	for _, p := range a.pairs {
		if p.info.Unreadable == "" && p.info.Status.Processing() {
			return true
		}
	}
	for _, info := range a.answers {
		if info.Unreadable == "" && info.Status.Processing() {
			return true // it may still get a number
		}
	}
	return false
}

// unclaimed reports whether an answer that was joined to no invoice may be the acceptance of one of
// our invoices. It also returns true when the session contains something that was not sent from
// here (see foreign), because then the list proves nothing.
func (a account) unclaimed() bool {
	if a.foreign() {
		return true
	}
	for _, info := range a.answers {
		if info.Unreadable != "" || info.Status.Processing() || info.Status.Done() {
			return true
		}
	}
	return false
}

// provesAbsence reports whether the list proves that the invoices without an answer are not in
// KSeF. The list must be complete, and must have as many acceptances as the session counts. Each of
// these acceptances must be joined to one of our invoices.
func (a account) provesAbsence() bool {
	return a.complete() && !a.unclaimed() && a.listedDone() >= a.session.SuccessfulInvoiceCount
}

// provesRefusal reports whether the list of a session that failed as a whole proves that the
// invoices without an answer are not in KSeF. It is for a session for which KSeF has no receipt.
// Each acceptance in the list must belong to one of the package's invoices, and the list must have
// as many acceptances as the session counts. If anything was accepted after all, the list must be
// complete, because an invoice without an answer may then be accepted, too.
//
// A code that says why the session was refused also says that nothing of it was processed, so the
// list may be short or missing. Any other code (500, 550, or a code that KSeF has not published)
// says nothing about the invoices, so the list must have an answer for each of them. If the session
// lists and counts nothing, list, count and receipt may all lag behind. Then the silence has to
// last, and waited says that it has lasted long enough. The silence about an invoice that both the
// list and the count lack has to last too. If there is no count, and the list has answers for only
// some of the invoices, the list lags behind. In that case waiting proves nothing.
func (a account) provesRefusal(waited bool) bool {
	switch {
	case a.unclaimed() || a.listedDone() < a.session.SuccessfulInvoiceCount:
		return false
	case a.listedDone() > 0:
		return a.complete()
	case a.explained():
		return true
	case a.session.Counted && a.entries < a.session.InvoiceCount:
		return false
	}
	whole := a.entries > 0 && a.entries >= a.expected()
	return whole || waited && (a.entries == 0 || a.session.Counted)
}

// explained reports whether the session's code says why it was refused. Such a code also says that
// nothing of the session was processed. "Cancelled" (440) is not such a code, because KSeF has
// answered it for a session that had been closed properly seconds before (ksef-api issue 308). So
// the silence about the invoices of such a session has to last.
func (a account) explained() bool {
	meaning := ksef.BatchSessionMeaning
	if a.lane == ledger.Express {
		meaning = ksef.OnlineSessionMeaning
	}
	_, known := meaning(a.session.Status.Code)
	return known && !a.session.Status.SendAgain() && a.session.Status.Code != ksef.BatchSessionCancelled
}
