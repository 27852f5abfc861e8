package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// PackageStore makes packages, moves them and their invoices, and lists what is on its way.
type PackageStore struct {
	*store
	home        *HomeStore
	replication *Replication
}

// OpenOnline records an online session that p.Owner has just opened. If the process dies between
// the gateway's answer and this record, an empty session is left behind, which expires by itself.
func (ps *PackageStore) OpenOnline(ctx context.Context, p Package) (Package, error) {
	p.V, p.State, p.Lane, p.Rev = Version, PackageOpened, Express, 1
	fields := []any{
		"v", Version, "id", p.ID, "lane", string(Express), "tenant", p.Tenant, "form", p.Form, "offline", p.Offline,
		"session", p.Session, "owner", p.Owner,
	}
	args := ps.args("", p.ID, len(fields))
	r, err := ps.home.atHome(ctx, ps.run, openScript, append(args, fields...))
	if err != nil {
		return p, fmt.Errorf("record session %s: %w", p.Session, err)
	}
	p.OpenedAt = Millis(number(cell(r, 1)))
	return p, nil
}

// BeginSend writes [Sending] and the session's id for a queued invoice, before it is posted. It
// returns the invoice's new revision and its ordinal in the session. It returns a [*ConflictError]
// if the package is not open any more or is not the owner's, because another worker may then close
// the session at any moment. With a [*ReplicaError] the write was made, but the invoice MUST NOT be
// posted.
func (ps *PackageStore) BeginSend(ctx context.Context, pkg, owner string, inv *Invoice) (rev int64, ordinal int, err error) {
	r, err := ps.home.atHome(ctx, ps.replication.fenced, sendScript, ps.args("", pkg, owner, inv.ID, inv.Rev))
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
	c := &ConflictError{
		ID: inv.ID, To: string(Sending), State: text(cell(r, 2)), Rev: number(cell(r, 3)),
		Expected: fmt.Sprintf("queued at revision %d", inv.Rev),
	}
	if text(cell(r, 1)) == "package" {
		c.ID, c.Expected = pkg, "opened by "+owner
		if c.State == "" {
			c.State = "gone"
		}
	}
	return 0, 0, c
}

// PackageMove is one change of one package and of its invoices.
type PackageMove struct {
	To   PackageState // "" keeps the state and only writes fields
	Edit PackageEdit
	From []PackageState // nil: the state that was read

	InvoicesFrom  []State // nil: the invoices stay as they are
	InvoicesTo    State
	InvoicesGroup string // the waiting group they enter, "" for none
	InvoicesEdit  Edit   // written to every invoice; a reason must not be among them

	fence bool // wait for the replicas
}

// MovePackage changes a package, and every invoice that it still holds, in one step. On success p
// has the new state and revision, and the fields of Edit. It returns a
// [*ConflictError] if p is not as it was read.
//
// A move to [PackageClosing] waits for the replicas. With a [*ReplicaError] the move was made, but
// close MUST NOT be called.
func (ps *PackageStore) MovePackage(ctx context.Context, p *Package, m PackageMove) error {
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
	args := ps.args("", p.ID, p.Rev, joinStates(from), to,
		joinStates(m.InvoicesFrom), string(m.InvoicesTo), m.InvoicesGroup, 2*len(m.Edit))
	var err error
	for _, c := range m.Edit {
		if args, err = ps.appendChange(args, p.ID, c.change); err != nil {
			return err
		}
	}
	for _, c := range m.InvoicesEdit {
		if c.field == "reason" { // a reason is sealed for one invoice, and these fields are written to all of them
			return fmt.Errorf("move invoices of %s: a reason is written with Move or Apply", p.ID)
		}
		args = append(args, c.field, scalar(c.value))
	}
	run := ps.run
	if m.fence || m.To == PackageClosing {
		run = ps.replication.fenced
	}
	var r []any
	if m.To == PackageOpened {
		r, err = ps.home.atHome(ctx, run, packageScript, args)
	} else {
		r, err = run(ctx, packageScript, args)
	}
	lag, lagging := errors.AsType[*ReplicaError](err)
	if err != nil && !lagging {
		return fmt.Errorf("move %s: %w", p.ID, err)
	}
	if number(cell(r, 0)) == 0 {
		return packageConflict(p, to, r, joinStates(from))
	}
	p.Rev = number(cell(r, 0))
	if m.To != "" {
		p.State = m.To
	}
	for _, c := range m.Edit {
		c.apply(p)
	}
	if lagging {
		return fmt.Errorf("move %s: %w", p.ID, lag)
	}
	return nil
}

// packageConflict makes the error of a script that found a package not as it was read.
func packageConflict(p *Package, to string, answer []any, expected string) error {
	return &ConflictError{
		ID: p.ID, To: to, State: text(cell(answer, 1)), Rev: number(cell(answer, 2)),
		Expected: fmt.Sprintf("%s at revision %d", expected, p.Rev),
	}
}

// Part is a package that takes some of the invoices of an older one.
type Part struct {
	ID       string
	Refusals int
	Into     bool   // the package exists and is cut: the invoices join those that it holds
	Probe    string // see [Package]
	Rest     string // see [Package]
	// NotBefore is when the package may be submitted. A task that comes earlier waits.
	NotBefore Millis
	IDs       []string // of the invoices
}

// Repack ends a package and puts invoices of it into other packages, in one step. It is only for
// sessions that are final and did not accept those invoices, or that were never closed; the caller
// has the proof. With end "" the package keeps its state, and goes on with what is left in it. It
// returns a [*ConflictError] if p is not as it was read, or if a package that must
// exist is not cut.
func (ps *PackageStore) Repack(ctx context.Context, p *Package, end PackageState, reason string, parts []Part) error {
	if end == "" && (MayMovePackage(p.State, PackageFailed) || MayMovePackage(p.State, PackageAbandoned)) {
		end = p.State
	} else if !MayMovePackage(p.State, end) {
		return fmt.Errorf("move %s: %s to %s is not a legal move", p.ID, p.State, end)
	}
	sealed, err := ps.sealText(reasonText(p.ID), reason)
	if err != nil {
		return err
	}
	args := ps.args(p.ID, p.Rev, string(p.State), string(end), joinStates([]State{Packed, Sending, Unknown, Sent}), sealed)
	for _, n := range parts {
		why := ""
		if n.Into { // a package that is made here has no reason of its own
			if why, err = ps.sealText(reasonText(n.ID), reason); err != nil {
				return err
			}
		}
		args = append(args, n.ID, n.Refusals, n.Into, why, n.Probe, n.Rest, int64(n.NotBefore), len(n.IDs))
		for _, id := range n.IDs {
			args = append(args, id)
		}
	}
	r, err := ps.run(ctx, repackScript, args)
	if err != nil {
		return fmt.Errorf("repack %s: %w", p.ID, err)
	}
	if number(cell(r, 0)) == 0 {
		return packageConflict(p, string(end), r, string(p.State))
	}
	p.Rev, p.State = number(cell(r, 0)), end
	return nil
}
