package tasks

import (
	"ksefworker/internal/invoice"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

// Absence needs proof. That KSeF does not have an invoice is concluded only from a session that is
// over and accounts for everything in it; silence alone proves nothing. What is below is pure.

// account is what a session that is over tells of the invoices of its package.
type account struct {
	matching
	session ksef.SessionInfo
	pkg     *ledger.Package // nil when all of the invoices are held
	lane    ledger.Lane
	members int  // invoices that the package ever held
	unread  int  // of these, entries that cannot be read
	listed  bool // there is a list
	entries int  // answers in it
	hashes  map[string]bool
}

// newAccount joins the session's list to the package's invoices.
func newAccount(lane ledger.Lane, members []ledger.Invoice, session ksef.SessionInfo, infos []ksef.InvoiceInfo) account {
	a := account{matching: match(members, infos), session: session, lane: lane, members: len(members), listed: infos != nil, hashes: make(map[string]bool, len(members))}
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

// complete reports whether the list has an answer for everything in the session: as many as the
// session counts and, of a package, one for each invoice that was in the ZIP: a count can lag behind
// as a list can. Answers that stand twice count once.
//
// A single send that KSeF has confirmed is in the session: a list and a count without it lag.
func (a account) complete() bool {
	if !a.listed || a.unansweredSends() > 0 {
		return false
	}
	if a.lane == ledger.Bulk && a.entries < a.members || a.lane != ledger.Bulk && !a.session.Counted {
		return false
	}
	return !a.session.Counted || a.entries >= a.session.InvoiceCount
}

// unansweredSends is how many invoices KSeF has given a reference for in an online session and no
// answer since.
func (a account) unansweredSends() int {
	n := 0
	for _, inv := range a.invoices {
		if a.lane == ledger.Express && inv.Reference != "" && (a.pkg == nil || holds(a.pkg, inv)) {
			n++
		}
	}
	return n
}

// listedDone is how many acceptances the list has.
func (a account) listedDone() int {
	n := 0
	for _, p := range a.pairs {
		if p.info.Status.Done() {
			n++
		}
	}
	return n
}

// processing reports an answer that is not one yet.
func (a account) processing() bool {
	for _, p := range a.pairs {
		if p.info.Unreadable == "" && p.info.Status.Processing() {
			return true
		}
	}
	for _, info := range a.answers {
		if info.Unreadable == "" && info.Status.Processing() {
			return true // one without a number yet: it may get one
		}
	}
	return false
}

// unclaimed reports an answer, joined to no invoice, that may be the acceptance of one of ours.
func (a account) unclaimed() bool {
	for _, info := range a.answers {
		if info.Unreadable != "" || info.Status.Processing() || info.Status.Done() {
			return true
		}
	}
	return false
}

// unreadable tells how many answers cannot be read, and what is wrong with the first of them.
func (a account) unreadable() (n int, field string) {
	count := func(info ksef.InvoiceInfo) {
		if info.Unreadable == "" {
			return
		}
		if n++; n == 1 {
			field = info.Unreadable
		}
	}
	for _, p := range a.pairs {
		count(p.info)
	}
	for _, info := range a.answers {
		count(info)
	}
	return n, field
}

// provesAbsence reports whether KSeF does not have an invoice that no answer was joined to. The list
// must be complete, every acceptance in it must be another invoice's, and it must have as many as the
// session counts.
func (a account) provesAbsence() bool {
	return a.complete() && !a.unclaimed() && a.listedDone() >= a.session.SuccessfulInvoiceCount
}

// provesRefusal reports the same for a session that failed as a whole and for which KSeF has no
// receipt: nothing of it was processed, so the list may be short or missing. But it must not speak of
// acceptances that are nobody's, and where the session counts its successes they must all be in the
// list. If anything was accepted after all, its silence about the others proves nothing. Of a session
// that ended in an error that KSeF does not know itself (500, 550) the list must have what it counts.
func (a account) provesRefusal() bool {
	switch {
	case a.unclaimed() || a.listedDone() < a.session.SuccessfulInvoiceCount:
		return false
	case a.listedDone() > 0:
		return a.complete()
	}
	return !a.session.Status.SendAgain() || !a.session.Counted || a.entries >= a.session.InvoiceCount
}

// covered reports whether a receipt of the session accounts for every acceptance: it has as many
// lines as the session counts successes, and one for each acceptance in the list. Then what is not
// in it was not accepted.
//
// Every line must be of an invoice of ours, or the receipt may be another session's, or write hashes in
// a way that nobody here knows.
func (a account) covered(r ksef.Receipt) bool {
	if !a.listed { // what was refused is not known: to send that again would tell nobody why
		return false
	}
	if a.session.Tallied() {
		if len(r.Lines) < a.session.SuccessfulInvoiceCount {
			return false
		}
	} else if !a.complete() {
		return false
	}
	ours := 0
	for hash := range r.ByHash {
		if !a.hashes[hash] {
			return false
		}
		ours++
	}
	if ours < len(r.Lines) || len(r.Lines) == 0 {
		return false
	}
	for _, info := range a.answers {
		if info.Status.Done() || info.Unreadable != "" && !a.session.Tallied() {
			return false
		}
	}
	for _, p := range a.pairs {
		if p.info.Status.Done() && r.ByHash[p.inv.Hash] == "" {
			return false
		}
	}
	return true
}

// claim takes the answers with one of these KSeF numbers out of those that are nobody's.
func (a *account) claim(numbers map[string]bool) {
	left := a.answers[:0]
	for _, info := range a.answers {
		if info.KSeFNumber == "" || !numbers[invoice.CanonicalKsefNumber(info.KSeFNumber)] {
			left = append(left, info)
		}
	}
	a.answers = left
}
