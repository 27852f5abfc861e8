package ledger

import (
	"context"
	"strings"

	"ksefworker/internal/together"
)

// Group identifies a waiting set by what all invoices of one package share: tenant, form version
// and offline flag.
type Group struct {
	Tenant  string
	Form    string
	Offline bool
}

// Name returns the group's name in Redis, like "5265877635|v3|online".
func (g Group) Name() string {
	mode := "online"
	if g.Offline {
		mode = "offline"
	}
	return g.Tenant + "|" + g.Form + "|" + mode
}

// ParseGroup parses the name of a group; false if it is not one.
func ParseGroup(name string) (Group, bool) {
	p := strings.Split(name, "|")
	if len(p) != 3 || (p[2] != "online" && p[2] != "offline") {
		return Group{}, false
	}
	return Group{Tenant: p[0], Form: p[1], Offline: p[2] == "offline"}, true
}

// WaitingGroup returns the waiting set that the invoice belongs to.
func (i *Invoice) WaitingGroup() Group {
	return Group{Tenant: i.Tenant, Form: i.Form, Offline: i.Offline}
}

// WaitingStore holds the sets of invoices that wait for a package.
type WaitingStore struct {
	*store
	invoices *InvoiceStore
	inflow   together.Calls[tenantCount, int64]
}

// Wait puts a queued invoice into its waiting set. If the invoice is in the set already, only its
// revision and the time of its last change are written.
func (ws *WaitingStore) Wait(ctx context.Context, inv *Invoice) error {
	return ws.invoices.Move(ctx, ws.WaitMove(inv))
}

// WaitMove returns the move that Wait makes.
func (ws *WaitingStore) WaitMove(inv *Invoice) Move {
	return Move{ID: inv.ID, Rev: inv.Rev, From: []State{Queued}, To: Queued, Group: inv.WaitingGroup().Name()}
}

// BackToWaiting puts an invoice for which the worker chose the express lane back into its waiting
// set.
func (ws *WaitingStore) BackToWaiting(ctx context.Context, inv *Invoice) error {
	return ws.invoices.Move(ctx, Move{
		ID: inv.ID, Rev: inv.Rev, From: []State{Queued}, To: Queued, Group: inv.WaitingGroup().Name(),
		Edit: Edit{{"lane", Auto}, {"chosen", false}},
	})
}

// ExpressMove returns the move that takes a queued invoice out of its waiting set, because the
// worker chose the express lane for it.
func (ws *WaitingStore) ExpressMove(inv *Invoice) Move {
	return Move{ID: inv.ID, Rev: inv.Rev, From: []State{Queued}, To: Queued, Edit: Edit{{"lane", Express}, {"chosen", true}}}
}

// FirstWaiting lists up to n ids of a waiting set, the most urgent first.
func (ws *WaitingStore) FirstWaiting(ctx context.Context, g Group, n int) ([]string, error) {
	return ws.rdb.ZRange(ctx, ws.key(keyWait, g.Name()), 0, int64(n)-1).Result()
}
