package ledger

import (
	"context"
	"fmt"
	"slices"
)

// Part is a package that takes some of the invoices of an older one.
type Part struct {
	ID       string
	Refusals int
	Into     bool   // the invoices join an existing package, which must be [PackageCut]
	Probe    string // see [Package]
	Rest     string // see [Package]
	// NotBefore is when the package may be submitted. A task that comes earlier waits.
	NotBefore Millis
	IDs       []string // of the invoices
	// Moved is called, after each step, with the invoices that went into the package. It may be
	// nil.
	Moved func(ids []string)

	joins bool // an earlier step of the same Repack may have made the package already
}

// Repack ends a package and puts invoices of it into other packages. It may be called only if the
// package's session was never closed, or is final and did not accept those invoices. The caller
// must have proof of that. With end "" the package keeps its state, and goes on with what is left
// in it. Repack returns a [*ConflictError] if p is not as it was read, or if the invoices cannot
// join an existing package, because that package is not [PackageCut] or differs in tenant, form or
// offline flag.
//
// Up to two hundred invoices go in one step. More invoices go in several steps, and the last step
// ends the package. Each invoice is in exactly one package at any time. A process that dies in
// between leaves a package with the invoices that have not left it. The process that finds this
// package decides about those invoices again. A new package that has not received all of its
// invoices by then is sent with those that it has. With an error, p is as the last step left it.
func (ps *PackageStore) Repack(ctx context.Context, p *Package, end PackageState, reason string, parts []Part) error {
	if end == "" && (MayMovePackage(p.State, PackageFailed) || MayMovePackage(p.State, PackageAbandoned)) {
		end = p.State
	} else if !MayMovePackage(p.State, end) {
		return fmt.Errorf("move %s: %s to %s is not a legal move", p.ID, p.State, end)
	}
	n := 0
	for _, part := range parts {
		n += len(part.IDs)
	}
	// While a package is opened or uploaded, any process that finds it may close its session. So
	// all invoices must leave it in the same step that ends it, however many they are. (At present
	// no worker repacks a package in these states.)
	if n <= packagePiece || p.State == PackageOpened || p.State == PackageUploaded {
		return ps.repackStep(ctx, p, end, reason, parts)
	}
	if p.State == PackageClosing && end != p.State {
		// The package moves on from closing before its first invoice leaves it, so that nobody
		// closes the session any more.
		if err := ps.MovePackage(ctx, p, PackageMove{To: PackageProcessing}); err != nil {
			return err
		}
	}
	for _, step := range inSteps(parts) {
		if n -= len(step.IDs); n == 0 {
			return ps.repackStep(ctx, p, end, reason, []Part{step})
		}
		if err := ps.repackStep(ctx, p, "=", reason, []Part{step}); err != nil {
			return err
		}
	}
	return nil
}

// inSteps divides parts into pieces. Each later piece of a part joins the package that the first
// piece made.
func inSteps(parts []Part) []Part {
	var out []Part
	for _, part := range parts {
		for ids := range slices.Chunk(part.IDs, packagePiece) {
			step := part
			step.IDs = ids
			out = append(out, step)
			part.joins = true
		}
	}
	return out
}

// repackStep makes one step of a Repack. If end is "=", more steps follow and the package keeps its
// state.
func (ps *PackageStore) repackStep(ctx context.Context, p *Package, end PackageState, reason string, parts []Part) error {
	sealed, err := ps.sealText(reasonText(p.ID), reason)
	if err != nil {
		return err
	}
	args := ps.args(p.ID, p.Rev, p.Within, string(p.State), string(end), joinStates([]State{Packed, Sending, Unknown, Sent}), sealed)
	for _, n := range parts {
		why, into := "", "0"
		switch {
		case n.Into: // only an existing package gets the reason: a package that is made here has none
			into = "1"
			if why, err = ps.sealText(reasonText(n.ID), reason); err != nil {
				return err
			}
		case n.joins:
			into = "+"
		}
		args = append(args, n.ID, n.Refusals, into, why, n.Probe, n.Rest, int64(n.NotBefore), len(n.IDs))
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
	if p.Rev = number(cell(r, 0)); end != "=" {
		p.State = end
	}
	for i, n := range parts {
		if ids := textsOf(row(cell(r, i+1))); n.Moved != nil && len(ids) > 0 {
			n.Moved(ids)
		}
	}
	return nil
}
