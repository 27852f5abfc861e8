package app

import (
	"context"
	"errors"
	"fmt"
	"io"

	"ksefworker/config"
	"ksefworker/internal/ledger"
)

// Home is where this configuration sends invoices.
func (b *Base) Home() ledger.Home {
	return ledger.Home{Environment: string(b.Config.Environment), Address: b.Config.BaseURL()}
}

// CheckHome refuses a ledger that belongs to another environment or gateway: a [*config.FieldError]
// around a [*ledger.HomeError]. It writes nothing.
func (b *Base) CheckHome(ctx context.Context) error {
	return homeFault(b.Ledger.CheckHome(ctx, b.Home()))
}

// Claim does the same, and writes down that the ledger belongs here when nobody has done so.
// Whoever takes invoices in, or sends them, MUST claim first.
func (b *Base) Claim(ctx context.Context) error {
	return homeFault(b.Ledger.Claim(ctx, b.Home()))
}

// Rehome says that the ledger which belonged to from, as it was read, belongs here now.
func (b *Base) Rehome(ctx context.Context, from ledger.Home) error {
	return homeFault(b.Ledger.Rehome(ctx, from, b.Home()))
}

func homeFault(err error) error {
	if refused, ok := errors.AsType[*ledger.HomeError](err); ok {
		return &config.FieldError{Field: "environment", Err: refused}
	}
	return err
}

// checkHome is the part of --check that is about whose ledger this is.
func checkHome(ctx context.Context, b *Base, out io.Writer) error {
	at, err := b.Ledger.Home(ctx)
	if err != nil {
		return err
	}
	if at == (ledger.Home{}) {
		fmt.Fprintf(out, "note   the ledger under redis.prefix %s belongs to nobody yet: the first worker or enqueue submit makes it that of %s\n",
			b.Config.Redis.Prefix, b.Home())
	}
	return b.CheckHome(ctx)
}
