package main

import (
	"context"
	"os/user"
	"strings"

	"ksefworker/internal/actions"
	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

type dismissCmd struct {
	selection
	Reason string `help:"Why: it is kept in the ledger and in the archive." placeholder:"TEXT"`
	By     string `help:"Who says so; without it the user of the operating system." placeholder:"NAME"`
}

func (c *dismissCmd) check() error {
	if err := c.selection.check([]string{string(ledger.Queued), string(ledger.Rejected), string(ledger.Parked), results.Refused}); err != nil {
		return err
	}
	if strings.TrimSpace(c.Reason) == "" {
		return &usageError{what: "--reason is missing", hint: "say why it is not to be sent: it is kept on record"}
	}
	return nil
}

func (c *dismissCmd) run(ctx context.Context, p *program) error {
	d := ledger.Dismissal{By: c.By, Reason: oneLine(c.Reason)}
	if d.By = oneLine(d.By); d.By == "" {
		d.By = osUser(p.environ)
	}
	return c.apply(ctx, p, deed{
		scope: actions.Scope{
			States:  []ledger.State{ledger.Queued, ledger.Rejected, ledger.Parked},
			Default: []ledger.State{ledger.Rejected, ledger.Parked}, Refusals: true,
		},
		can: "only queued, rejected and parked invoices can be dismissed",
		not: "not dismissed", would: "would be dismissed", done: string(ledger.Dismissed),
		invoice: func(ctx context.Context, inv *ledger.Invoice) error { return p.desk().Dismiss(ctx, inv, d) },
		refusal: func(ctx context.Context, r *ledger.Refusal) error { return p.desk().DismissRefusal(ctx, r, d) },
	})
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// osUser names who runs this: on record is the account, whatever the environment calls itself.
func osUser(environ []string) string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	if name := lookup(environ, "USER"); name != "" { // a static binary in a container may know no names
		return name
	}
	return "unknown"
}
