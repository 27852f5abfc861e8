package connect

import (
	"context"
	"errors"

	"ksefworker/config"
	"ksefworker/internal/ledger"
)

// Home is where this configuration sends invoices.
func (p *Pool) Home() ledger.Home {
	return ledger.Home{Environment: string(p.Config.Environment), Address: p.Config.BaseURL()}
}

// CheckHome refuses a ledger that belongs to another environment or gateway: a [*config.FieldError]
// around a [*ledger.HomeError]. It writes nothing.
func (p *Pool) CheckHome(ctx context.Context) error {
	return homeFault(p.Ledger.CheckHome(ctx, p.Home()))
}

// Claim does the same, and writes down that the ledger belongs here when nobody has done so.
// Whoever takes invoices in, or sends them, MUST claim first.
func (p *Pool) Claim(ctx context.Context) error {
	return homeFault(p.Ledger.Claim(ctx, p.Home()))
}

// Rehome says that the ledger which belonged to from, as it was read, belongs here now.
func (p *Pool) Rehome(ctx context.Context, from ledger.Home) error {
	return homeFault(p.Ledger.Rehome(ctx, from, p.Home()))
}

func homeFault(err error) error {
	if refused, ok := errors.AsType[*ledger.HomeError](err); ok {
		return &config.FieldError{Field: "environment", Err: refused}
	}
	return err
}
