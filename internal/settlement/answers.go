package settlement

import (
	"cmp"
	"slices"
	"time"

	"ksefworker/internal/ledger"
)

// gather joins the list, and KSeF's answers about single sends, to the ledger's entries. need is
// what has to be asked for first. A single send has a reference of its own. If the list has no
// answer about the send, KSeF can be asked about that reference.
func gather(p ledger.Package, held Held, listed Listed) (a account, need Ask) {
	switch {
	case !listed.List.Asked:
		return account{}, Ask{For: TheList}
	case !held.Read:
		return account{}, Ask{For: TheHeld}
	}
	a = accountOf(p, held, listed.Session, listed.List.Invoices)
	if p.Lane == ledger.Express {
		if sends := a.sends(); len(sends) > 0 && !listed.Statuses.Asked {
			return a, Ask{For: TheSends, Sends: sends}
		}
		a.join(listed.Statuses.By)
	}
	return a, Ask{}
}

// processedAnswers decides what a processed session proves about its invoices.
func processedAnswers(p ledger.Package, held Held, listed Listed, now time.Time) Decision {
	a, need := gather(p, held, listed)
	if need.For != Nothing {
		return Decision{Ask: need}
	}
	o := &outcomes{pkg: p}
	unclear, running := o.answered(a)
	missing := a.missing()
	sick := listed.Statuses.Sick // why some sends could not be asked about; only these stay open
	var unproven []*ledger.Invoice
	switch {
	case len(missing)+len(unclear)+len(running) == 0:
	case a.processing() && patient(p, now):
		// A session that is over has decided about its invoices. If it calls one "in process"
		// nevertheless, the package waits for that invoice, but not for ever.
		unproven = append(append(ofPairs(running), missing...), ofPairs(unclear)...)
	case !listed.Receipt.Asked:
		// The receipt is asked for even if the list seems to prove absence. The receipt costs one
		// request and names the content.
		return ask(TheReceipt)
	default:
		unproven = o.conclude(a, missing, append(unclear, running...), listed.Receipt)
		sick = cmp.Or(sick, listed.Receipt.Err)
	}
	d, complete := o.decision(listed, now)
	if !complete {
		return d
	}
	// Through is noted at once, before everything in the package is decided, because looking up a
	// duplicate may take hours. It is known already that KSeF takes the tenant's sessions.
	d.Through = p.Lane == ledger.Bulk
	if len(unproven) > 0 && d.doubt(p, a, unproven, now) {
		if sick != nil {
			d.Wait = &Wait{Err: sick}
		}
		return d
	}
	if len(unproven) == 0 && sick != nil {
		d.Wait = &Wait{Err: sick}
		return d
	}
	// While an undecided entry cannot be read, the list is read again, because one of its answers
	// may be about that entry.
	d.Listed = held.UnreadUndecided(p.ID) == 0
	return d
}

// decision returns the moves, and what 410s say about the tenant. complete is false when the facts
// about the tenant have to be asked for first.
func (o *outcomes) decision(listed Listed, now time.Time) (d Decision, complete bool) {
	if len(o.denials) > 0 {
		if listed.Tenant == nil {
			return ask(TheTenant), false
		}
		d.Denial = o.denied(*listed.Tenant, now)
	}
	d.Moves, d.LetIn = o.moves, o.letIn
	return d, true
}

// answered adds the outcome of every invoice that has a clear answer. It returns the invoices with
// other answers. The answer about an unclear invoice cannot be read, or it is an acceptance whose
// KSeF number may belong to another invoice. The answer about a running invoice says that KSeF is
// still processing it.
func (o *outcomes) answered(a account) (unclear, running []pairing) {
	shared := a.sharedNumbers()
	o.moves = slices.Grow(o.moves, len(a.pairs))
	for _, pair := range a.pairs {
		if !holds(a.pkg, pair.inv) {
			continue
		}
		outcome := outcomeOf(pair.info.Status)
		switch {
		case pair.info.Unreadable != "", outcome == toAccept && doubtful(pair, shared):
			unclear = append(unclear, pair)
		case outcome == toWait:
			running = append(running, pair)
		default:
			o.add(pair.inv, pair.info)
		}
	}
	return unclear, running
}

// conclude decides about the invoices that the list of a processed session leaves open. They have
// no answer, an unclear one, or one that says that KSeF is still processing the invoice. The
// session's receipt may prove what became of them, because it names content hashes. conclude
// returns the invoices that are still unproven.
func (o *outcomes) conclude(a account, missing []*ledger.Invoice, unclear []pairing, own OwnReceipt) (unproven []*ledger.Invoice) {
	if own.Err != nil {
		return append(missing, ofPairs(unclear)...)
	}
	receipt := own.Receipt
	missing, unclear = o.attested(receipt, &a, missing, unclear)
	covered := a.covered(receipt)
	for _, pair := range unclear {
		if covered {
			o.park(pair.inv, pair.info.Status.Code, unclearReason(pair)+
				"; the session's receipt (UPO) does not have it: look in KSeF whether it is there; if it is not, retry")
			continue
		}
		unproven = append(unproven, pair.inv)
	}
	if !covered && (!a.provesAbsence() || len(receipt.Lines) > a.listedDone()+o.byReceipt) {
		return append(unproven, missing...)
	}
	proof := ProvenByList
	if covered {
		proof = ProvenByReceipt
	}
	o.absent(a, missing, proof)
	return unproven
}

// refusedAnswers decides what a refused session's list says about single invoices. If the decision
// has no move and no doubt about an invoice, the invoice is proven absent from KSeF.
func refusedAnswers(p ledger.Package, held Held, listed Listed, now time.Time) Decision {
	a, need := gather(p, held, listed)
	if need.For != Nothing {
		return Decision{Ask: need}
	}
	o := &outcomes{pkg: p}
	var unclear []pairing
	shared := a.sharedNumbers()
	for _, pair := range a.pairs {
		if !holds(p.ID, pair.inv) {
			continue
		}
		switch outcome := outcomeOf(pair.info.Status); {
		case pair.info.Unreadable != "", outcome == toWait, outcome == toAccept && doubtful(pair, shared):
			unclear = append(unclear, pair)
		case outcome.decided():
			o.add(pair.inv, pair.info)
		}
	}
	var open []*ledger.Invoice
	var sick error
	if missing := a.missing(); len(missing)+len(unclear) > 0 {
		if !listed.Receipt.Asked {
			return ask(TheReceipt)
		}
		if sick = listed.Receipt.Err; sick != nil && a.mayHaveReceipt() {
			open = append(missing, ofPairs(unclear)...) // what is clear is written all the same
		} else {
			sick, open = nil, o.refusedOpen(&a, missing, unclear, listed, silent(p, now))
		}
	}
	d, complete := o.decision(listed, now)
	if !complete {
		return d
	}
	d.Gone = goneOf(p, held, d.Moves, open)
	if len(open) > 0 && d.doubt(p, a, open, now) && sick != nil {
		d.Wait = &Wait{Err: sick}
	}
	return d
}

// mayHaveReceipt reports whether the refused session may nevertheless have a receipt. It has none
// when its code says why it was refused and its list has no accepted invoice. In that case nothing
// waits for the receipt when KSeF cannot be asked now.
func (a account) mayHaveReceipt() bool { return !a.explained() || a.listedDone() > 0 }

// refusedOpen uses the receipt of a refused session. The receipt has the hashes of the documents. A
// session that accepted nothing has no receipt. refusedOpen accepts the invoices in the receipt,
// and returns those about which nothing is proven. waited says that the session has been silent for
// long enough (see provesRefusal).
func (o *outcomes) refusedOpen(
	a *account, missing []*ledger.Invoice, unclear []pairing, listed Listed, waited bool,
) (open []*ledger.Invoice) {
	receipt := listed.Receipt.Receipt
	missing, unclear = o.attested(receipt, a, missing, unclear)
	if a.covered(receipt) {
		return nil // only what the receipt has was accepted
	}
	open = ofPairs(unclear)
	if listed.Statuses.Sick != nil || len(receipt.Lines) > 0 || !a.provesRefusal(waited) {
		return append(open, missing...)
	}
	for _, inv := range missing {
		told, known := listed.Statuses.By[inv.ID]
		if listed.Statuses.Unread[inv.ID] || known && ofAnother(inv, told) { // KSeF knows something about it
			open = append(open, inv)
		}
	}
	return open
}

// goneOf returns the ids of the undecided invoices that have neither a move nor a doubt. The
// refused session is proven not to have taken them.
func goneOf(p ledger.Package, held Held, moves []Move, open []*ledger.Invoice) map[string]bool {
	gone := map[string]bool{}
	for _, inv := range held.Undecided(p.ID) {
		gone[inv.ID] = true
	}
	for _, m := range moves {
		delete(gone, m.Invoice.ID)
	}
	for _, inv := range open {
		delete(gone, inv.ID)
	}
	return gone
}

func ofPairs(pairs []pairing) []*ledger.Invoice {
	out := make([]*ledger.Invoice, len(pairs))
	for i, pair := range pairs {
		out[i] = pair.inv
	}
	return out
}
