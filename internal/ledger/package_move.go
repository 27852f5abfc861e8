package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// packagePiece is how many invoices one script moves with their package. Redis serves nobody else
// meanwhile. Ten thousand invoices in one step would take half a second, and two hundred take some
// ten milliseconds.
const packagePiece = 200

// PackageMove is one change of one package and of its invoices.
type PackageMove struct {
	To   PackageState // "" keeps the state and only writes fields
	Edit PackageEdit
	From []PackageState // nil: the state that was read

	InvoicesFrom  []State // nil: the invoices stay as they are
	InvoicesTo    State
	InvoicesGroup string // the waiting group they enter, "" for none
	InvoicesEdit  Edit   // written to every invoice; a reason must not be among them

	// Moved is called, after each step, with the invoices whose state it changed. It may be nil.
	Moved func(ids []string)

	fence bool // wait for the replicas
}

// MovePackage changes a package, and every invoice that it still holds. On success p has the new
// state and revision, and the fields of Edit. MovePackage returns a [*ConflictError] if p is not as
// it was read.
//
// The first step changes the package and a piece of its invoices. Each further step moves one more
// piece, as in [PackageStore.Cut]. If the process dies, the state of the package is written, but
// some of its invoices may not have followed. So a caller moves a package only to a state in which
// the next process that finds the package moves the rest ([PackageStore.MoveRest]). Each step is a
// revision of the package. With an error, p is as the last step left it.
//
// A move to [PackageClosing] waits for the replicas. With a [*ReplicaError] the move was made, but
// close MUST NOT be called.
func (ps *PackageStore) MovePackage(ctx context.Context, p *Package, m PackageMove) error {
	if m.From == nil {
		m.From = []PackageState{p.State}
	}
	if err := m.check(p.ID); err != nil {
		return err
	}
	m.fence = (m.fence || m.To == PackageClosing) && ps.replication.replicas > 0
	steps := m
	// Only the last step has to wait for the replicas. The package's count tells beforehand whether
	// the first step is also the last one. If the count is wrong, at worst the ledger waits once
	// more.
	steps.fence = m.fence && (m.InvoicesFrom == nil || p.Count <= packagePiece)
	more, err := ps.moveStep(ctx, p, steps, 0)
	lag, lagging := errors.AsType[*ReplicaError](err)
	if err != nil && !lagging {
		return err
	}
	if more {
		return ps.moveRest(ctx, p, m, packagePiece)
	}
	if lagging {
		return fmt.Errorf("move %s: %w", p.ID, lag)
	}
	if m.fence && !steps.fence {
		return ps.Secure(ctx, p)
	}
	return nil
}

// MoveRest finishes a move of a package's invoices that an earlier process may not have finished.
// It moves the invoices that are still in one of the states InvoicesFrom. The package stays in its
// state. MoveRest returns what MovePackage returns.
func (ps *PackageStore) MoveRest(ctx context.Context, p *Package, m PackageMove) error {
	m.To, m.Edit, m.From = "", nil, []PackageState{p.State}
	if err := m.check(p.ID); err != nil {
		return err
	}
	return ps.moveRest(ctx, p, m, 0)
}

func (ps *PackageStore) moveRest(ctx context.Context, p *Package, m PackageMove, first int) error {
	rest := m
	rest.To, rest.Edit, rest.From, rest.fence = "", nil, []PackageState{p.State}, false
	for more := true; more; first += packagePiece {
		var err error
		if more, err = ps.moveStep(ctx, p, rest, first); err != nil {
			return err
		}
	}
	if m.fence {
		return ps.Secure(ctx, p)
	}
	return nil
}

// check returns an error if the move is not legal. From must be set.
func (m *PackageMove) check(id string) error {
	if m.To != "" {
		for _, f := range m.From {
			if !slices.Contains(packageMoves[m.To], f) {
				return fmt.Errorf("move %s: %s to %s is not a legal move", id, f, m.To)
			}
		}
	}
	for _, f := range m.InvoicesFrom {
		if !MayMove(f, m.InvoicesTo) {
			return fmt.Errorf("move invoices of %s: %s to %s is not a legal move", id, f, m.InvoicesTo)
		}
	}
	if m.InvoicesGroup != "" && m.InvoicesTo != Queued {
		return fmt.Errorf("move invoices of %s to %q: only a queued invoice may wait in %s", id, m.InvoicesTo, m.InvoicesGroup)
	}
	for _, c := range m.InvoicesEdit {
		if c.field == "reason" { // a reason is sealed for one invoice, and these fields are written to all of them
			return fmt.Errorf("move invoices of %s: a reason is written with Move or Apply", id)
		}
	}
	return nil
}

// moveStep changes a package and one piece of its invoices. The parameter first is the place at
// which the piece begins. more says that there are invoices behind the piece.
func (ps *PackageStore) moveStep(ctx context.Context, p *Package, m PackageMove, first int) (more bool, err error) {
	to := "="
	if m.To != "" {
		to = string(m.To)
	}
	args := ps.args("", p.ID, p.Rev, p.Within, joinStates(m.From), to,
		joinStates(m.InvoicesFrom), string(m.InvoicesTo), m.InvoicesGroup, first, packagePiece, 2*len(m.Edit))
	for _, c := range m.Edit {
		if args, err = ps.appendChange(args, p.ID, c.change); err != nil {
			return false, err
		}
	}
	for _, c := range m.InvoicesEdit {
		args = append(args, c.field, scalar(c.value))
	}
	run := ps.run
	if m.fence {
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
		return false, fmt.Errorf("move %s: %w", p.ID, err)
	}
	if number(cell(r, 0)) == 0 {
		return false, packageConflict(p, to, r, joinStates(m.From))
	}
	p.Rev, more = number(cell(r, 0)), number(cell(r, 1)) == 1
	if m.To != "" {
		p.State = m.To
	}
	for _, c := range m.Edit {
		c.apply(p)
	}
	if len(r) > 2 && m.Moved != nil {
		m.Moved(textsOf(r[2:]))
	}
	if lagging {
		return more, fmt.Errorf("move %s: %w", p.ID, lag)
	}
	return more, nil
}
