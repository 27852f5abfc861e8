package settlement

import (
	"fmt"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/plural"
	"ksefworker/internal/retry"
)

// UnreadPause is the pause between two checks of a package that waits only for an entry that cannot
// be read.
const UnreadPause = 10 * time.Minute

// processedRemainder ends a package whose session was processed, once everything in it is decided.
// An undecided entry that cannot be read keeps the package open.
func processedRemainder(p ledger.Package, held Held) Decision {
	if left := len(held.Undecided(p.ID)); left > 0 {
		return poll(plural.Of(left, "invoice is", "invoices are") + " not settled yet")
	}
	d := Decision{End: &End{State: ledger.PackageSettled, Code: ksef.SessionProcessed}, TellRest: p.Rest != "", Receipt: true, Over: true}
	if n := held.UnreadUndecided(p.ID); n > 0 {
		d = waitForUnread(p, n)
	}
	return d
}

// refusedRemainder decides about the invoices that a refused session has left undecided. At this
// stage it is proven that KSeF has none of those in listed.Gone. If other invoices are undecided
// too, they moved meanwhile, and the package waits.
func (r Rules) refusedRemainder(p ledger.Package, held Held, listed Listed) Decision {
	status := listed.Session.Status
	reason := sessionReason(status)
	left := held.Undecided(p.ID)
	if n := held.UnreadUndecided(p.ID); n > 0 && len(left) == 0 {
		return waitForUnread(p, n)
	}
	if len(left) == 0 {
		return Decision{End: &End{State: ledger.PackageSettled, Code: status.Code, Reason: reason}, Receipt: true, Over: true}
	}
	unproven := 0
	for _, inv := range left {
		if !listed.Gone[inv.ID] {
			unproven++
		}
	}
	if unproven > 0 {
		return movedMeanwhile(unproven)
	}
	var d Decision
	switch {
	case p.Lane == ledger.Express:
		d.Renew = true
		for _, inv := range left {
			d.Moves = append(d.Moves, NoVerdict(p.Lane, inv, status.Code, reason, ProvenByRefusal))
		}
	case status.Code == ksef.BatchSessionTooManyInvoices:
		d = Decision{Split: Halve(p, held, p.Refusals, status.Code, reason, ProvenByRefusal), Over: true}
	default:
		d = r.Refused(p, held, listed, status.Code, reason, ProvenByRefusal)
	}
	if !d.Asks() {
		d.Package.Code = status.Code
	}
	return d
}

// refusedLast ends the package of a refused online session. A sender may have moved an invoice from
// sending to sent meanwhile. Such an invoice is still in the package, so the package has to wait
// for it.
func refusedLast(p ledger.Package, held Held, status ksef.StatusInfo) Decision {
	if left := len(held.Undecided(p.ID)); left > 0 {
		return movedMeanwhile(left)
	}
	return endRefused(p, held, status.Code, sessionReason(status))
}

// endRefused ends a package in which every readable invoice is decided.
func endRefused(p ledger.Package, held Held, code int, reason string) Decision {
	end := EndOf(p, held, 0)
	if end == "" {
		return waitForUnread(p, 1)
	}
	return Decision{End: &End{State: end, Code: code, Reason: reason}, Receipt: end == ledger.PackageSettled, Over: true}
}

// waitForUnread keeps a package open because of entries that cannot be read. Its other invoices get
// their receipts meanwhile.
func waitForUnread(p ledger.Package, n int) Decision {
	d := wait(UnreadPause, retry.ReasonOther, plural.Of(n, "entry", "entries")+" of the package cannot be read")
	d.Receipt = !p.Filed
	return d
}

func movedMeanwhile(n int) Decision {
	return wait(time.Second, retry.ReasonOther, plural.Of(n, "invoice", "invoices")+" of the session moved meanwhile")
}

func sessionReason(s ksef.StatusInfo) string {
	return fmt.Sprintf("session ended with %d %s", s.Code, s.Description)
}
