package tasks

import (
	"context"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/settlement"
)

// confirmation is one run on a session that is over, or that was refused. It has what the run has
// read, and the transport to KSeF. Package settlement makes the decisions. ask.go fetches the facts
// that a decision needs, and apply.go carries the decision out.
type confirmation struct {
	w      *confirmer
	t      Transport
	p      *ledger.Package
	held   settlement.Held
	listed settlement.Listed
}

// settle writes the outcome of each invoice of a session that is over, or that KSeF does not know.
func (c *confirmation) settle(ctx context.Context) error {
	if err := c.w.bind(ctx, c.p); err != nil {
		return err
	}
	return c.run(ctx, func(now time.Time) settlement.Decision {
		return c.w.rules().Decide(*c.p, c.held, c.listed, now)
	})
}

// refusedToOpen handles a package for which KSeF refused to open a session. Its invoices go into
// other packages.
func (c *confirmation) refusedToOpen(ctx context.Context, code int, reason string) error {
	return c.run(ctx, func(time.Time) settlement.Decision {
		return c.w.rules().Refused(*c.p, c.held, c.listed, code, reason, settlement.ProvenUnposted)
	})
}

// run asks, decides and acts until the package has ended or has to wait.
func (c *confirmation) run(ctx context.Context, decide func(now time.Time) settlement.Decision) error {
	for {
		now := c.w.o.Now()
		d := decide(now)
		if d.Asks() {
			if err := c.ask(ctx, d.Ask); err != nil {
				return err
			}
			continue
		}
		done, err := c.carryOut(ctx, d, now)
		if done || err != nil {
			return err
		}
	}
}

// edit writes fields of the package if it still has the revision that was read.
func (c *confirmation) edit(ctx context.Context, e ledger.PackageEdit) error {
	return c.w.movePackage(ctx, c.p, ledger.PackageMove{Edit: e})
}

// bind makes each later change of a package a conflict if Redis restarts or fails over from now on.
// What was written about the package's invoices may then be lost, so nobody may write that the
// package is done.
func (c *core) bind(ctx context.Context, p *ledger.Package) error {
	var err error
	p.Within, err = c.Ledger.Life(ctx)
	return err
}

// readHeld reads the invoices that a package ever held. An invoice whose entry is gone counts as a
// member.
func (c *core) readHeld(ctx context.Context, p *ledger.Package) (settlement.Held, error) {
	ids, err := c.Ledger.Members(ctx, p.ID)
	if err != nil {
		return settlement.Held{}, err
	}
	invs, err := c.Ledger.Invoices(ctx, ids)
	unread, err := c.skip(ctx, err)
	if err != nil {
		return settlement.Held{}, err
	}
	return settlement.Held{Read: true, Members: len(ids), Invoices: invs, Unread: unread}, nil
}
