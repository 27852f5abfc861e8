package settlement

import (
	"slices"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/plural"
	"ksefworker/internal/retry"
)

// Rules are the settings that decisions go by. Refusals is how many sessions KSeF refuses as a
// whole before a package is halved. ConfirmFirst is the shortest pause before KSeF is asked about a
// session again.
type Rules struct {
	Refusals     int
	ConfirmFirst time.Duration
}

// Decide says what to do about a package whose session is over, or unknown to KSeF. It is pure, so
// equal facts give equal decisions, and the arguments stay unchanged.
func (r Rules) Decide(p ledger.Package, held Held, listed Listed, now time.Time) Decision {
	switch {
	case listed.Unknown != nil:
		return r.unknown(p, held, listed, now)
	case listed.Session.Status.Done(), listed.Session.Status.Code == ksef.BatchSessionNoValidInvoices:
		return processedSession(p, held, listed, now)
	}
	return r.refusedSession(p, held, listed, now)
}

// processedSession decides about a session that KSeF has processed. Its list is read until it
// accounts for every invoice, or until maxProofWait is over. Duplicates, and invoices about which
// nothing is proven by then, are marked in the ledger, so that their originals are looked up.
func processedSession(p ledger.Package, held Held, listed Listed, now time.Time) Decision {
	switch listed.Stage {
	case Answers:
		if p.Listed {
			return Decision{}
		}
		return processedAnswers(p, held, listed, now)
	case Originals:
		if listed.Conflicts > 0 {
			return poll(plural.Of(listed.Conflicts, "invoice is", "invoices are") + " still being processed, or moved meanwhile")
		}
		return originals(p, held)
	}
	return processedRemainder(p, held)
}

// refusedSession decides about a session that ended in an error. Its list is nevertheless read
// first, because an invoice with status 200 in the list is accepted whatever the status of the
// session is.
func (r Rules) refusedSession(p ledger.Package, held Held, listed Listed, now time.Time) Decision {
	switch listed.Stage {
	case Answers:
		return refusedAnswers(p, held, listed, now)
	case Originals:
		if listed.Conflicts > 0 { // an answer whose move met a conflict is not written yet
			return poll(plural.Of(listed.Conflicts, "invoice", "invoices") + " moved meanwhile")
		}
		return originals(p, held)
	case Remainder:
		return r.refusedRemainder(p, held, listed)
	}
	return refusedLast(p, held, listed.Session.Status)
}

// originals decides to look up the originals of the marked invoices, if there are any.
func originals(p ledger.Package, held Held) Decision {
	if !held.Read {
		return ask(TheHeld)
	}
	marked := func(inv *ledger.Invoice) bool { return inv.OriginalBy != "" }
	return Decision{Lookup: slices.ContainsFunc(held.Undecided(p.ID), marked)}
}

func poll(what string) Decision { return Decision{Wait: &Wait{Poll: true, What: what}} }

func wait(d time.Duration, reason retry.Reason, what string) Decision {
	return Decision{Wait: &Wait{Delay: d, Reason: reason, What: what}}
}
