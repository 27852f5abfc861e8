package ledger

import "context"

// NewTerms is what the sender asks for when an invoice is handed in again. The zero value changes
// nothing.
type NewTerms struct {
	Lane     Lane   // "": unchanged
	Offline  bool   // false: unchanged
	Deadline Millis // 0: unchanged
}

// Differ reports whether the terms differ from those of the entry.
func (t NewTerms) Differ(inv *Invoice) bool {
	return t.Lane != "" && t.Lane != inv.askedLane() ||
		t.Offline && !inv.Offline ||
		t.Deadline != 0 && t.Deadline != inv.Deadline
}

// askedLane returns the lane that the sender asked for. If the worker chose the lane, the sender
// asked for Auto.
func (i *Invoice) askedLane() Lane {
	if i.Chosen {
		return Auto
	}
	return i.Lane
}

// ChangeTerms changes the terms of a queued invoice. On success inv has the new terms. ChangeTerms
// returns a [*ConflictError] if the entry is not as it was read, because an invoice that has left
// the queue keeps its terms.
//
// An invoice that waits for a package goes on waiting, in the waiting set of its new terms. It
// leaves the set only for the express lane; the caller then queues its task.
func (ds *DecisionStore) ChangeTerms(ctx context.Context, inv *Invoice, t NewTerms) error {
	changed := *inv
	var edit Edit
	if t.Deadline != 0 && t.Deadline != inv.Deadline {
		changed.Deadline = t.Deadline
		edit = edit.with("deadline", t.Deadline)
	}
	if t.Lane != "" && t.Lane != inv.askedLane() {
		changed.Lane, changed.Chosen = t.Lane, false
		edit = edit.with("lane", t.Lane).with("chosen", false)
	}
	if t.Offline && !inv.Offline {
		changed.Offline = true
		ident := Identity{inv.NIP, inv.Kind, inv.Number}.digest()
		facts, err := ds.invoices.packFacts(&changed, inv.CreatedAt, ident, inv.Revision)
		if err != nil {
			return err
		}
		// If the entry was packed, these facts replace its record, and the seals of the record no
		// longer count.
		edit = edit.with("facts", facts).with(headsField, "")
	}
	group := inv.Group
	if group != "" {
		group = changed.WaitingGroup().Name()
	}
	if changed.Lane == Express && !changed.Chosen && !changed.Offline && !changed.Attachment {
		group = ""
	}
	if err := ds.invoices.Move(ctx, Move{ID: inv.ID, Rev: inv.Rev, From: []State{Queued}, To: Queued, Group: group, Edit: edit,
		due: changed.Deadline != inv.Deadline}); err != nil {
		return err
	}
	changed.Group, changed.Rev = group, inv.Rev+1
	*inv = changed
	return nil
}
