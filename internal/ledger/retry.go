package ledger

import "context"

// Retry queues a rejected or parked invoice again, because a person decided so. It returns a
// [*ConflictError] if another document of the same identity is alive or accepted.
func (l *Ledger) Retry(ctx context.Context, inv *Invoice) error {
	return l.Move(ctx, Move{ID: inv.ID, Rev: inv.Rev, From: []State{Rejected, Parked}, To: Queued, newest: true, Set: []Set{
		{"code", 0}, {"reason", ""}, {"resends", 0}, {"failed_sessions", 0}, {"package", ""}, {"session", ""}, {"reference", ""},
		{"left_session", inv.Session},
		{"orig_number", ""}, {"orig_session", ""}, {"orig_by", ""}, {"lane", Auto}, {"chosen", false},
	}})
}
