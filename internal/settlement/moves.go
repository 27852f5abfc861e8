package settlement

import (
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

// Fate is what a move makes of an invoice. A move with the zero value is never carried out.
type Fate int

// The fates.
const (
	Accept Fate = iota + 1
	Reject
	Park
	SendAgain
	LookUp // it stays where it is; its original is to be looked up
	Keep   // it stays where it is; a reason is written
)

// Move is the outcome of one invoice, or a note about it.
type Move struct {
	Invoice *ledger.Invoice // as it was read or last written
	Fate    Fate
	Code    int
	Reason  string
	// Gist is the reason of Park in words of our own. The log has it in place of Reason, because
	// KSeF's words may quote the invoice. If Gist is "", the log has the meaning of Code. Code must
	// then be the code of an answer about this invoice, and not that of its session.
	Gist string

	Accepted Acceptance // of Accept
	Original Original   // of LookUp
	Again    Again      // of SendAgain
}

// Acceptance is what KSeF says about an accepted invoice. Recovered says that it was accepted
// earlier. UPO is the address of the receipt that proved this, or "". Hash is set when KSeF has the
// invoice in other bytes than were handed in.
type Acceptance struct {
	Number, Mode string
	At           time.Time // zero: not known
	Recovered    bool
	UPO, Hash    string
}

// Original is what is known of the original of a duplicate: the invoice that KSeF already has. By
// says how the original is known. It is ByAnswer, BySearch or ByRegister. BySearch does not change
// the number in the ledger.
type Original struct {
	Number, Session, By string
	At                  time.Time
}

// Again sends an invoice again. A new send without a Proof is never carried out. Count names the
// counter that is written, and Value is its new value.
type Again struct {
	Proof Proof
	Lane  ledger.Lane
	Count Counter
	Value int64
}

// Counter is a count, or a time, that bounds how often an invoice is sent.
type Counter int

// The counters.
const (
	Resends        Counter = iota + 1 // times that it was sent again, as maxResends counts
	FailedSessions                    // online sessions with it that failed
	Denied                            // when KSeF first answered 410, in milliseconds
)

// Proof is why KSeF cannot have an invoice that is sent again. The zero value proves nothing.
type Proof int

// The proofs.
const (
	ProvenByAnswer  Proof = iota + 1 // KSeF's answer about this invoice: 405, 410, 435, 500, 550
	ProvenByList                     // the list accounts for everything in the session
	ProvenByReceipt                  // the receipt lists every accepted invoice, and not this one
	ProvenByRefusal                  // KSeF refused the session as a whole, and took nothing of it
	ProvenUnposted                   // no session with it was ever closed, or the send was refused
)

// Wrote updates the invoice after the move was written. The invoice gets the state that the ledger
// has now or, after a conflict, the state that the conflict reports.
func (m Move) Wrote(r ledger.Moved) {
	inv := m.Invoice
	if c := r.Conflict; c != nil {
		inv.State, inv.Rev, inv.Package = ledger.State(c.State), c.Rev, c.Package
		return
	}
	inv.Rev = r.Rev
	switch m.Fate {
	case Accept:
		a := m.Accepted
		inv.State, inv.Code, inv.Reason = ledger.Accepted, ksef.InvoiceAccepted, ""
		inv.KsefNumber, inv.Recovered = TidyNumber(a.Number), inv.Recovered || a.Recovered
		if !a.Recovered {
			inv.Mode = a.Mode
		} else {
			inv.UPO = a.UPO
		}
		if !a.At.IsZero() {
			inv.AcceptedAt = ledger.At(a.At)
		}
		if a.Hash != "" {
			inv.Hash = a.Hash
		}
	case Reject:
		inv.State, inv.Code, inv.Reason = ledger.Rejected, m.Code, m.Reason
	case Park:
		inv.State, inv.Code, inv.Reason = ledger.Parked, m.Code, m.Reason
	case Keep:
		inv.Code, inv.Reason = m.Code, m.Reason
	case LookUp:
		m.wroteOriginal(inv)
	case SendAgain:
		inv.State, inv.Code, inv.Reason = ledger.Queued, m.Code, m.Reason
		inv.Lane, inv.Package, inv.Session, inv.Reference = m.Again.Lane, "", "", ""
		switch m.Again.Count {
		case Resends:
			inv.Resends = int(m.Again.Value)
		case FailedSessions:
			inv.FailedSessions = int(m.Again.Value)
		case Denied:
			inv.Denied = ledger.Millis(m.Again.Value)
		}
	}
}

func (m Move) wroteOriginal(inv *ledger.Invoice) {
	o := m.Original
	inv.OriginalBy = o.By
	if m.Code != 0 || m.Reason != "" {
		inv.Code, inv.Reason = m.Code, m.Reason
	}
	switch o.By {
	case ByAnswer:
		inv.OriginalNumber, inv.OriginalSession = o.Number, o.Session
	case ByRegister:
		inv.OriginalNumber, inv.AcceptedAt = o.Number, ledger.At(o.At)
	case BySearch:
		if o.Session != "" {
			inv.OriginalSession = o.Session
		}
	}
}
