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
	// Unread says that the entry is there and this build cannot read it.
	Unread bool
	// Sealed says that this process lacks the key of one of the texts, or of several. Such texts
	// are empty.
	Sealed bool
}

// Told reads what outcomes are about, in the same order.
func (ob *OutboxStore) Told(ctx context.Context, outcomes []Outcome) ([]Told, error) {
	out := make([]Told, len(outcomes))
	var ids []string
	refused := map[string][]string{}
	for i, o := range outcomes {
		out[i].Outcome = o
		if o.Refusal() {
			refused[o.Tenant] = append(refused[o.Tenant], o.ID)
		} else {
			ids = append(ids, o.ID)
		}
	}
	invs, err := ob.entries.Invoices(ctx, ids)
	unread, err := Skip(err)
	if err != nil {
		return nil, err
	}
	byID, bad, byRefusal := map[string]*Invoice{}, map[string]*Unreadable{}, map[string]*Refusal{}
	for i := range invs {
		byID[invs[i].ID] = &invs[i]
	}
	for i := range unread {
		bad[unread[i].ID] = &unread[i]
	}
	for tenant, ids := range refused {
		some, err := ob.refusals.readRefusals(ctx, tenant, ids)
		if err != nil {
			return nil, err
		}
		for i := range some {
			byRefusal[tenant+"\x00"+some[i].ID] = &some[i]
		}
	}
	for i := range out {
		o := &out[i]
		if o.Outcome.Refusal() {
			if r := byRefusal[o.Tenant+"\x00"+o.ID]; r != nil {
				o.OfRefusal, o.Sealed = r, withoutSealed(r)
			}
			continue
		}
		if u := bad[o.ID]; u != nil {
			o.Unread, o.Tenant = true, cmp.Or(o.Tenant, u.Tenant)
		}
		if now := byID[o.ID]; now != nil {
			was := ob.asOf(*now, &o.Outcome)
			o.Invoice, o.Sealed = &was, withoutPlaceholders(&was)
		}
	}
	return out, nil
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

// withoutSealed does the same for a refusal.
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
// If the entry is in the same state now, at a later revision, perhaps only a note was added since.
// The note is part of what became of the invoice, so the entry is returned as it is now. But it
// gets the outcome's revision, because the invoice may also have been retried and have come to the
// same state again. Then there were other outcomes in between. With the present revision, this
// outcome would seem newer than those.
func (ob *OutboxStore) asOf(now Invoice, o *Outcome) Invoice {
	if now.Rev == o.Rev || o.State == "" {
		return now
	}
	if now.State == o.State && now.Rev > o.Rev {
		now.Rev = o.Rev
		return now
	}
	now.State, now.Rev, now.Code, now.KsefNumber = o.State, o.Rev, o.Code, o.KsefNumber
	now.Reason, now.UpdatedAt = openReason(ob.store, o.ID, o.Reason), At(o.Time())
	now.UPO = ""
	return now
}
