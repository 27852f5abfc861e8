package tasks

import (
	"context"

	"ksefworker/internal/ledger"
)

// Every change of state has one line in the log, with level debug: a night of 100,000 invoices has
// half a million of them. What a person has to act on is logged with higher levels beside them. The
// invoices of a batch move with their package (closing, processing), so the package's line stands
// for all of them.

// logInvoice logs that an invoice is in a state now. pkg is the package that holds it, or held it
// until now.
func (c *core) logInvoice(inv *ledger.Invoice, to ledger.State, pkg, session string) {
	c.logIDs([]string{inv.ID}, to, &ledger.Package{ID: pkg, Session: session, Tenant: inv.Tenant})
}

// logIDs is logInvoice for invoices of one package.
func (c *core) logIDs(ids []string, to ledger.State, p *ledger.Package) {
	for _, id := range ids {
		c.o.Log.Debug().Str("invoice", id).Str("state", string(to)).Str("package", p.ID).Str("session", p.Session).
			Str("tenant", p.Tenant).Msg("invoice changed its state")
	}
}

// movePackage is the ledger's, and logs the change.
func (c *core) movePackage(ctx context.Context, p *ledger.Package, m ledger.PackageMove) error {
	if err := c.Ledger.MovePackage(ctx, p, m); err != nil {
		return err
	}
	if m.To == "" {
		return nil
	}
	line := c.o.Log.Debug().Str("package", p.ID).Str("state", string(m.To)).Str("session", p.Session).Str("tenant", p.Tenant)
	if m.InvoicesTo != "" {
		line = line.Str("invoices", string(m.InvoicesTo))
	}
	line.Msg("package changed its state")
	return nil
}
