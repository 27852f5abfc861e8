package ledger

import (
	"context"
	"strings"
)

// Group names a waiting set: one package holds one tenant, one form version, one offline flag.
type Group struct {
	Tenant  string
	Form    string
	Offline bool
}

// Name is the group's name in Redis: "5265877635|v3|online".
func (g Group) Name() string {
	mode := "online"
	if g.Offline {
		mode = "offline"
	}
	return g.Tenant + "|" + g.Form + "|" + mode
}

// ParseGroup reads a name; false when it is none.
func ParseGroup(name string) (Group, bool) {
	p := strings.Split(name, "|")
	if len(p) != 3 || (p[2] != "online" && p[2] != "offline") {
		return Group{}, false
	}
	return Group{Tenant: p[0], Form: p[1], Offline: p[2] == "offline"}, true
}

// Group returns the waiting set that the invoice belongs to.
func (i *Invoice) WaitingGroup() Group {
	return Group{Tenant: i.Tenant, Form: i.Form, Offline: i.Offline}
}

// Wait puts a queued invoice into its waiting set. Doing it again changes nothing but the revision.
func (l *Ledger) Wait(ctx context.Context, inv *Invoice) error {
	return l.Move(ctx, Move{ID: inv.ID, Rev: inv.Rev, From: []State{Queued}, To: Queued, Group: inv.WaitingGroup().Name()})
}

// Unchoose puts an invoice for which the worker chose the express lane back into its waiting set.
func (l *Ledger) Unchoose(ctx context.Context, inv *Invoice) error {
	return l.Move(ctx, Move{ID: inv.ID, Rev: inv.Rev, From: []State{Queued}, To: Queued, Group: inv.WaitingGroup().Name(),
		Set: []Set{{"lane", Auto}, {"chosen", false}}})
}

// ExpressMove takes a queued invoice out of its waiting set: it goes by the express lane from now on.
func (l *Ledger) ExpressMove(inv *Invoice) Move {
	return Move{ID: inv.ID, Rev: inv.Rev, From: []State{Queued}, To: Queued, Set: []Set{{"lane", Express}, {"chosen", true}}}
}

// Receipt ends the way of an accepted invoice: its receipt, document and result are archived, so the document
// leaves Redis.
func (l *Ledger) Receipt(ctx context.Context, ids []string, upo string) ([]error, error) {
	return l.ReceiptWith(ctx, ids, upo, "")
}

// ReceiptWith does the same and leaves a reason, of which a person has to be told: something damaged that was met in the archive.
func (l *Ledger) ReceiptWith(ctx context.Context, ids []string, upo, reason string) ([]error, error) {
	moves := make([]Move, len(ids))
	for i, id := range ids {
		moves[i] = Move{ID: id, To: Receipted, Set: []Set{{"upo", upo}, {"reason", reason}}, dropBody: true}
	}
	return l.Apply(ctx, moves)
}

// Retry lets a rejected or parked invoice begin its way anew, after a person has looked. It is refused with a
// [*ConflictError] when another document of the same identity is alive or accepted.
func (l *Ledger) Retry(ctx context.Context, inv *Invoice) error {
	return l.Move(ctx, Move{ID: inv.ID, Rev: inv.Rev, From: []State{Rejected, Parked}, To: Queued, newest: true, Set: []Set{
		{"code", 0}, {"reason", ""}, {"resends", 0}, {"failed_sessions", 0}, {"package", ""}, {"session", ""}, {"reference", ""},
		{"orig_number", ""}, {"orig_session", ""}, {"orig_by", ""}, {"lane", Auto}, {"chosen", false},
	}})
}
