package ledger

import (
	"cmp"
	"context"
)

// Told is an outcome with its subject. The subject is the entry as it was when the outcome was
// written, or the refusal as it is now. When both are nil, the entry or refusal is gone or cannot
// be read.
type Told struct {
	Outcome
	Invoice   *Invoice
	OfRefusal *Refusal
	// Missing says that the record was dropped, because it was too old or there were too many, so
	// nothing can be told of it any more. A refusal that is now in the list of another tenant is
	// not missing.
	Missing bool
	// Unread says that the entry or record is there, or may be there, and cannot be read.
	Unread bool
	// If Unread is set, Why says which key it is, and what a person has to do. It is nil when that
	// is not known.
	Why *Unreadable
	// Sealed says that this process lacks the key of one of the texts, or of several. Such texts
	// are empty.
	Sealed bool
}

// Told reads what outcomes are about, in the same order.
func (ob *OutboxStore) Told(ctx context.Context, outcomes []Outcome) ([]Told, error) {
	out := make([]Told, len(outcomes))
	var ids []string
	refused := map[string][]int{}
	for i, o := range outcomes {
		out[i].Outcome = o
		if o.Refusal() {
			refused[o.Tenant] = append(refused[o.Tenant], i)
		} else {
			ids = append(ids, o.ID)
		}
	}
	invs, err := ob.entries.Invoices(ctx, ids)
	unread, err := Skip(err)
	if err != nil {
		return nil, err
	}
	byID, bad := map[string]*Invoice{}, map[string]*Unreadable{}
	for i := range invs {
		byID[invs[i].ID] = &invs[i]
	}
	for i := range unread {
		bad[unread[i].ID] = &unread[i]
	}
	for tenant, at := range refused {
		records, err := ob.recordsOf(ctx, tenant, outcomes, at)
		if err != nil {
			return nil, err
		}
		for _, i := range at {
			out[i].tellRecord(records[outcomes[i].ID])
		}
	}
	for i := range out {
		o := &out[i]
		if o.Outcome.Refusal() {
			continue
		}
		switch u, now := bad[o.ID], byID[o.ID]; {
		case u != nil:
			o.Unread, o.Why, o.Tenant = true, u, cmp.Or(o.Tenant, u.Tenant)
		case now != nil:
			was := ob.asOf(*now, &o.Outcome)
			o.Invoice, o.Sealed = &was, withoutPlaceholders(&was)
		default:
			o.Missing = true
		}
	}
	return out, nil
}

// tellRecord puts the record of a refused document into the outcome. Several outcomes may share the
// record, and each gets a copy.
func (o *Told) tellRecord(t *toldRefusal) {
	o.Unread, o.Why, o.Missing = t.unread, t.why, t.record == nil && !t.unread && !t.elsewhere
	if t.record != nil {
		r := *t.record
		if r.Revision() < o.Rev && r.Ended == string(o.State) {
			r.EndedAt = Millis(o.Rev) // a process without the key ended it, and could not record when
		}
		o.OfRefusal, o.Sealed = &r, withoutSealed(&r)
	}
}

// withoutPlaceholders empties the texts that this process cannot open. It reports whether there are
// any.
func withoutPlaceholders(inv *Invoice) (sealed bool) {
	for text, placeholder := range map[*string]string{&inv.Reason: "(" + encryptedHere + ")", &inv.File: encryptedFile,
		&inv.Ref: encryptedRef} {
		if *text == placeholder {
			*text, sealed = "", true
		}
	}
	return sealed
}

// withoutSealed empties the texts of a refusal that this process cannot open. It reports whether
// there are any.
func withoutSealed(r *Refusal) (sealed bool) {
	if r.sealed != "" {
		r.Faults, sealed = nil, true
	}
	if r.Note == encryptedHere {
		r.Note, sealed = "", true
	}
	return sealed
}

// asOf returns an entry as it was at an outcome. For an outcome without a state it returns the
// entry as it is now.
//
// If only notes were added to the entry since, its notes belong to this outcome too, so the entry
// is returned as it is now. But it gets the outcome's revision. A higher revision would make the
// outcomes that follow this one seem old.
//
// Otherwise the invoice may have been sent again since. The outcome does not hold all fields. asOf
// leaves out the fields that the outcome lacks and that a new attempt writes, because their present
// values may belong to the new attempt.
func (ob *OutboxStore) asOf(now Invoice, o *Outcome) Invoice {
	if now.Rev == o.Rev || o.State == "" {
		return now
	}
	if onlyNoted(&now, o) {
		now.Rev = o.Rev
		return now
	}
	now.State, now.Rev, now.Code, now.KsefNumber = o.State, o.Rev, o.Code, o.KsefNumber
	now.Reason, now.UpdatedAt = openReason(ob.store, o.ID, o.Reason), At(o.Time())
	now.UPO = ""
	if o.State != Accepted { // an accepted invoice is never sent again
		now.Package, now.Session, now.Reference, now.Attempts = "", "", "", 0
		now.Recovered, now.TakenBack = false, ""
	}
	return now
}

// onlyNoted reports whether the entry has certainly stayed in the state of an outcome since. An
// entry that leaves a state and comes back has changed twice. An accepted invoice can only become
// receipted.
func onlyNoted(now *Invoice, o *Outcome) bool {
	if now.State != o.State {
		return false
	}
	return now.Rev == o.Rev+1 || now.Rev > o.Rev && (o.State == Accepted || o.State == Receipted)
}
