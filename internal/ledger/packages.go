package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// CutLimits bound a package. Zero values take nothing.
type CutLimits struct {
	Invoices int
	Bytes    int64 // of XML; the first invoice is taken even when it alone is larger
}

// Cut makes a package of the most urgent invoices of a waiting set, in one step: they are [Packed] and the package is
// [PackageCut] when it returns. No invoice taken means that nothing waits: the package does not exist then.
// P_2 is unique in the package.
func (l *Ledger) Cut(ctx context.Context, id string, g Group, lim CutLimits) ([]string, error) {
	if lim.Invoices <= 0 || lim.Bytes <= 0 {
		return nil, nil
	}
	fields := []any{"v", Version, "id", id, "lane", string(Bulk), "tenant", g.Tenant, "form", g.Form, "offline", g.Offline, "refusals", 0}
	args := l.args(g.Name(), id, lim.Invoices, lim.Bytes, len(fields))
	rows, err := l.run(ctx, cutScript, append(args, fields...))
	if err != nil {
		return nil, fmt.Errorf("cut package of %s: %w", g.Name(), err)
	}
	ids := make([]string, len(rows))
	for i, v := range rows {
		ids[i] = text(v)
	}
	return ids, nil
}

// OpenOnline records an online session that was just opened by owner. Losing this record (the process dies between
// the gateway's answer and here) leaves an empty session that expires by itself.
func (l *Ledger) OpenOnline(ctx context.Context, p Package) (Package, error) {
	p.V, p.State, p.Lane, p.Rev = Version, PackageOpened, Express, 1
	fields := []any{"v", Version, "id", p.ID, "lane", string(Express), "tenant", p.Tenant, "form", p.Form, "offline", p.Offline,
		"session", p.Session, "owner", p.Owner}
	args := l.args(p.ID, len(fields))
	r, err := l.run(ctx, openScript, append(args, fields...))
	if err != nil {
		return p, fmt.Errorf("record session %s: %w", p.Session, err)
	}
	p.OpenedAt = Millis(number(cell(r, 1)))
	return p, nil
}

// BeginSend writes [Sending] and the session's id for a queued invoice, before it is posted. It is refused when
// the package is not open any more or is not the owner's: the session may be closed by somebody else at any moment. With a [*ReplicaError] it is
// written, and the invoice MUST NOT be posted.
func (l *Ledger) BeginSend(ctx context.Context, pkg, owner string, inv *Invoice) (rev int64, ordinal int, err error) {
	r, err := l.fenced(ctx, sendScript, l.args(pkg, owner, inv.ID, inv.Rev))
	lag, lagging := errors.AsType[*ReplicaError](err)
	if err != nil && !lagging {
		return 0, 0, fmt.Errorf("begin to send %s: %w", inv.ID, err)
	}
	if len(r) == 2 {
		if lagging {
			return number(r[0]), int(number(r[1])), fmt.Errorf("begin to send %s: %w", inv.ID, lag)
		}
		return number(r[0]), int(number(r[1])), nil
	}
	c := &ConflictError{ID: inv.ID, To: string(Sending), State: text(cell(r, 2)), Rev: number(cell(r, 3)), Expected: fmt.Sprintf("queued at revision %d", inv.Rev)}
	if text(cell(r, 1)) == "package" {
		c.ID, c.Expected = pkg, "opened by "+owner
		if c.State == "" {
			c.State = "gone"
		}
	}
	return 0, 0, c
}

// PackageMove is one change of one package, with the change of its invoices that belongs to it.
type PackageMove struct {
	To   PackageState // "" stays and only writes fields
	Set  []Set
	From []PackageState // nil: the state that was read

	InvoicesFrom  []State // nil: the invoices stay as they are
	InvoicesTo    State
	InvoicesGroup string // the waiting group they enter, "" for none
	InvoicesSet   []Set

	fence bool
}

// MovePackage changes a package, and every invoice that it still holds, in one step. On success p has the new state and
// revision (fields in Set are not copied into p). It returns a [*ConflictError] when p is not as it was read.
//
// A move to [PackageClosing] waits for replicas: with a [*ReplicaError] it was made, and close MUST NOT be called.
func (l *Ledger) MovePackage(ctx context.Context, p *Package, m PackageMove) error {
	from := m.From
	if from == nil {
		from = []PackageState{p.State}
	}
	to := "="
	if m.To != "" {
		to = string(m.To)
		for _, f := range from {
			if !slices.Contains(packageMoves[m.To], f) {
				return fmt.Errorf("move %s: %s to %s is not a legal move", p.ID, f, m.To)
			}
		}
	}
	for _, f := range m.InvoicesFrom {
		if !MayMove(f, m.InvoicesTo) {
			return fmt.Errorf("move invoices of %s: %s to %s is not a legal move", p.ID, f, m.InvoicesTo)
		}
	}
	if m.InvoicesGroup != "" && m.InvoicesTo != Queued {
		return fmt.Errorf("move invoices of %s to %q: only a queued invoice may wait in %s", p.ID, m.InvoicesTo, m.InvoicesGroup)
	}
	args := l.args(p.ID, p.Rev, joinStates(from), to, joinStates(m.InvoicesFrom), string(m.InvoicesTo), m.InvoicesGroup, 2*len(m.Set))
	for _, s := range append(slices.Clone(m.Set), m.InvoicesSet...) {
		args = append(args, s.Field, scalar(s.Value))
	}
	run := l.run
	if m.fence || m.To == PackageClosing {
		run = l.fenced
	}
	r, err := run(ctx, packageScript, args)
	lag, lagging := errors.AsType[*ReplicaError](err)
	if err != nil && !lagging {
		return fmt.Errorf("move %s: %w", p.ID, err)
	}
	if number(cell(r, 0)) == 0 {
		return &ConflictError{ID: p.ID, To: to, State: text(cell(r, 1)), Rev: number(cell(r, 2)), Expected: fmt.Sprintf("%s at revision %d", joinStates(from), p.Rev)}
	}
	p.Rev = number(cell(r, 0))
	if m.To != "" {
		p.State = m.To
	}
	if lagging {
		return fmt.Errorf("move %s: %w", p.ID, lag)
	}
	return nil
}

// Part is a package made of some of an old one's invoices.
type Part struct {
	ID       string
	Refusals int
	Into     bool   // the package is there, cut and not opened yet: the invoices join those that it holds
	Probe    string // this and the next two: see [Package]
	Rest     string
	// NotBefore: the task that submits the package may come earlier, it waits all the same.
	NotBefore Millis
	IDs       []string
}

// Repack ends a package and puts invoices of it into new ones, all in one step. Only for sessions
// that are final and did not take those invoices, or that were never closed: the caller holds the
// proof. With end "" it goes on as it is, because something is left in it that cannot be read.
func (l *Ledger) Repack(ctx context.Context, p *Package, end PackageState, reason string, parts []Part) error {
	if end == "" && (MayMovePackage(p.State, PackageFailed) || MayMovePackage(p.State, PackageAbandoned)) {
		end = p.State
	} else if !MayMovePackage(p.State, end) {
		return fmt.Errorf("move %s: %s to %s is not a legal move", p.ID, p.State, end)
	}
	args := l.args(p.ID, p.Rev, string(p.State), string(end), joinStates([]State{Packed, Sending, Unknown, Sent}), reason)
	for _, n := range parts {
		args = append(args, n.ID, n.Refusals, n.Into, n.Probe, n.Rest, int64(n.NotBefore), len(n.IDs))
		for _, id := range n.IDs {
			args = append(args, id)
		}
	}
	r, err := l.run(ctx, repackScript, args)
	if err != nil {
		return fmt.Errorf("repack %s: %w", p.ID, err)
	}
	if number(cell(r, 0)) == 0 {
		return &ConflictError{ID: p.ID, To: string(end), State: text(cell(r, 1)), Rev: number(cell(r, 2)), Expected: fmt.Sprintf("%s at revision %d", p.State, p.Rev)}
	}
	p.Rev, p.State = number(cell(r, 0)), end
	return nil
}
