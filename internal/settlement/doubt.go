package settlement

import (
	"time"

	"ksefworker/internal/ledger"
)

// maxProofWait is how long the worker keeps asking for a session's list and receipt while they do
// not account for every invoice. After that it searches KSeF's register.
const maxProofWait = 30 * time.Minute

// maxSilence is for a refused session that gives no reason for its end (see provesRefusal). When
// such a session has been silent about its invoices for this time, they count as not processed.
// KSeF asks its clients to send such a session again. So the wait is only as long as one answer of
// KSeF may lag behind another.
const maxSilence = time.Minute

func silent(p ledger.Package, now time.Time) bool {
	return p.Doubt != 0 && now.Sub(p.Doubt.Time()) >= maxSilence
}

func patient(p ledger.Package, now time.Time) bool {
	return p.Doubt == 0 || now.Sub(p.Doubt.Time()) < maxProofWait
}

// doubt keeps invoices where they are when nothing proves what became of them. It reports true
// while the session is to be asked again. Once maxProofWait is over, it reports false, and marks
// the invoices for the search in the register.
func (d *Decision) doubt(p ledger.Package, a account, unproven []*ledger.Invoice, now time.Time) (waits bool) {
	doubt := &Doubt{Begin: p.Doubt == 0, Listed: a.entries, Counted: a.session.InvoiceCount}
	waits = patient(p, now)
	switch {
	case doubt.Begin:
		reason := unprovenReason(a)
		for _, inv := range unproven {
			doubt.Notes = append(doubt.Notes, Move{Invoice: inv, Fate: Keep, Reason: reason})
		}
	case waits:
		doubt = nil // their reasons are written already
	default:
		for _, inv := range unproven {
			doubt.Notes = append(doubt.Notes, Move{Invoice: inv, Fate: LookUp, Original: Original{Session: p.Session, By: BySearch}})
		}
	}
	d.Doubt = doubt
	if waits {
		d.Wait = &Wait{Poll: true, What: "the session does not account for every invoice"}
	}
	return waits
}
