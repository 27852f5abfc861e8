package ledger

import "context"

// NewTerms are what the sender of an invoice asks for when it is handed in again. The zero value
// changes nothing.
type NewTerms struct {
	Lane     Lane   // "": as it is
	Offline  bool   // false: as it is
	Deadline Millis // 0: as it is
}

// Differ reports whether the terms are others than those of the entry.
func (t NewTerms) Differ(inv *Invoice) bool {
	return t.Lane != "" && t.Lane != inv.askedLane() || t.Offline && !inv.Offline || t.Deadline != 0 && t.Deadline != inv.Deadline
}

// askedLane is the lane as it was asked for: where the worker chose, it had the choice.
func (i *Invoice) askedLane() Lane {
	if i.Chosen {
		return Auto
	}
	return i.Lane
}

// ChangeTerms changes the terms of a queued invoice. It returns a [*ConflictError] when the entry is
// not as it was read: whatever has left the queue goes its way by the terms that it had.
//
// One that waits for a package goes on waiting, in the waiting set of its new terms. It leaves the
// set only for the express lane: the caller then queues its task.
func (l *Ledger) ChangeTerms(ctx context.Context, inv *Invoice, t NewTerms) error {
	changed := *inv
	var set []Set
	if t.Deadline != 0 && t.Deadline != inv.Deadline {
		changed.Deadline = t.Deadline
		set = append(set, Set{"deadline", t.Deadline})
	}
	if t.Lane != "" && t.Lane != inv.askedLane() {
		changed.Lane, changed.Chosen = t.Lane, false
		set = append(set, Set{"lane", t.Lane}, Set{"chosen", false})
	}
	if t.Offline && !inv.Offline {
		changed.Offline = true
		ident := Identity{inv.NIP, inv.Kind, inv.Number}.digest()
		set = append(set, Set{"facts", changed.packFacts(inv.CreatedAt, ident, inv.Revision)})
	}
	group := inv.Group
	if group != "" {
		group = changed.WaitingGroup().Name()
	}
	if changed.Lane == Express && !changed.Chosen && !changed.Offline && !changed.Attachment {
		group = ""
	}
	if err := l.Move(ctx, Move{ID: inv.ID, Rev: inv.Rev, From: []State{Queued}, To: Queued, Group: group, Set: set,
		due: changed.Deadline != inv.Deadline}); err != nil {
		return err
	}
	changed.Group, changed.Rev = group, inv.Rev+1
	*inv = changed
	return nil
}
