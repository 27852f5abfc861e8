package settlement

import (
	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

// DecideOpen decides about the invoices that have a clear answer in the list of an online session
// that still takes sends. Other answers wait until the session is over. They say that KSeF still
// processes the invoice, ask for a new send, deny (410), cannot be read, or accept with a KSeF
// number that cannot be the invoice's.
//
// held MUST have been read after the list. Otherwise an answer could be about an invoice that held
// does not have yet. That answer could be joined to another invoice with the same P_2.
func DecideOpen(p ledger.Package, held Held, list []ksef.InvoiceInfo) (moves []Move, letIn bool) {
	o := &outcomes{pkg: p}
	for _, pair := range accountOf(p, held, ksef.SessionInfo{}, list).pairs {
		if !holds(p.ID, pair.inv) || pair.info.Unreadable != "" || pair.info.Status.Code == ksef.InvoicePermissionScope {
			continue
		}
		outcome := outcomeOf(pair.info.Status)
		if outcome == toAccept && wrongNumber(pair.inv, pair.info.KSeFNumber) != "" {
			continue
		}
		if outcome.decided() {
			o.add(pair.inv, pair.info)
		}
	}
	return o.moves, o.letIn
}
