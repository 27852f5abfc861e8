package tasks

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/internal/ledger"
	"ksefworker/internal/tracing"
)

// Every change of state that a worker makes, of an invoice or a package, has one line in the
// worker's log, with level debug ([tracing.Change]). The scripts of the ledger say which invoices
// they moved with their package, so a line is never a guess.

// trail tells, in the log and in traces, of the changes that a worker makes. Safe for concurrent
// use.
type trail struct {
	parts *Parts // the worker's parts; the trail uses only their ledger
	log   *zerolog.Logger
	trace *tracing.Tracer
	now   func() time.Time
}

// logInvoice logs that an invoice is in a state now. pkg is the package that holds it, or held it
// until now.
func (t *trail) logInvoice(inv *ledger.Invoice, to ledger.State, pkg, session string) {
	t.logIDs([]string{inv.ID}, to, &ledger.Package{ID: pkg, Session: session, Tenant: inv.Tenant})
}

// logIDs is logInvoice for invoices of one package.
func (t *trail) logIDs(ids []string, to ledger.State, p *ledger.Package) {
	for _, id := range ids {
		tracing.Change{Invoice: id, Package: p.ID, Session: p.Session, Tenant: p.Tenant, State: string(to)}.Log(t.log)
	}
}

// logSuperseded logs the documents that another document of their number has superseded.
func (t *trail) logSuperseded(ctx context.Context, tenant string, ids []string) {
	for _, id := range ids {
		change := tracing.Change{Invoice: id, Tenant: tenant, State: string(ledger.Superseded)}
		change.Log(t.log)
		t.trace.Moment(ctx, change)
	}
}

// logPackage logs that a package is in a state now.
func (t *trail) logPackage(p *ledger.Package) {
	tracing.Change{Package: p.ID, Session: p.Session, Tenant: p.Tenant, State: string(p.State)}.Log(t.log)
}

// movePackage calls MovePackage of the ledger and logs the change. It also logs a change that too
// few replicas have confirmed, because it was made.
func (t *trail) movePackage(ctx context.Context, p *ledger.Package, m ledger.PackageMove) error {
	before := p.State
	m.Moved = func(ids []string) { t.logIDs(ids, m.InvoicesTo, p) }
	err := t.parts.Ledger.MovePackage(ctx, p, m)
	if p.State != before {
		t.logPackage(p)
		t.tracePackage(ctx, p)
	}
	return err
}

// moveRest calls MoveRest of the ledger and logs the changes.
func (t *trail) moveRest(ctx context.Context, p *ledger.Package, m ledger.PackageMove) error {
	m.Moved = func(ids []string) { t.logIDs(ids, m.InvoicesTo, p) }
	return t.parts.Ledger.MoveRest(ctx, p, m)
}

// repack calls Repack of the ledger and logs the changes.
func (t *trail) repack(ctx context.Context, p *ledger.Package, end ledger.PackageState, reason string, parts []ledger.Part) error {
	before, made := p.State, map[string]bool{}
	for i := range parts {
		into := &ledger.Package{ID: parts[i].ID, Tenant: p.Tenant, State: ledger.PackageCut}
		joins := parts[i].Into
		parts[i].Moved = func(ids []string) {
			if !joins && !made[into.ID] {
				made[into.ID] = true
				t.logPackage(into)
			}
			t.logIDs(ids, ledger.Packed, into)
		}
	}
	err := t.parts.Ledger.Repack(ctx, p, end, reason, parts)
	if p.State != before {
		t.logPackage(p)
		t.tracePackage(ctx, p)
	}
	return err
}
