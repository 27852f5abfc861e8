package main

import (
	"context"
	"fmt"

	"ksefworker/config"
	"ksefworker/internal/ledger"
)

type movedCmd struct {
	From string `required:"" help:"The old address of the gateway, as the error message names it." placeholder:"URL"`
	Yes  bool   `help:"Do not ask."`
}

// allowsAnyLedger implements [anyLedger].
func (c *movedCmd) allowsAnyLedger() {}

// run records the new address of the gateway in the ledger. The address changes, for example, when
// a proxy gets a new host name. Without this command, the invoices in the ledger could not be sent
// to the new address.
func (c *movedCmd) run(ctx context.Context, p *program) error {
	if p.cfg.Environment != config.Custom {
		return &usageError{what: fmt.Sprintf("environment %s has a fixed address: it cannot have moved", p.cfg.Environment)}
	}
	here := p.base.Home()
	at, err := p.base.Ledger.Home(ctx)
	if err != nil {
		return err
	}
	switch {
	case at == (ledger.Home{}):
		return &usageError{what: fmt.Sprintf("no gateway is recorded for the ledger under redis.prefix %s", p.cfg.Redis.Prefix),
			hint: "the first worker or the first enqueue submit records it"}
	case at.Environment != string(config.Custom) || !at.Same(ledger.Home{Address: c.From}):
		return &usageError{what: fmt.Sprintf("the ledger under redis.prefix %s belongs to %s, not to %s", p.cfg.Redis.Prefix, at, c.From)}
	}
	for _, address := range []string{here.Address, at.Address} {
		if env := p.officialAt(address); env != "" {
			return &usageError{
				what: fmt.Sprintf("%s is the address of %s itself, so this would move the ledger from one KSeF to another", address, env),
				hint: fmt.Sprintf("give environment %s a ledger of its own, by another redis.prefix or database", env),
			}
		}
	}
	if err := checkNoWorkers(p); err != nil {
		return err
	}
	what := fmt.Sprintf("send the invoices in the ledger under redis.prefix %s to %s from now on, not to %s",
		p.cfg.Redis.Prefix, here.Address, at.Address)
	if !c.Yes && !p.confirm(what+" (both must lead to the same KSeF)") {
		return &usageError{what: "nothing was changed: this would " + what, hint: "use --yes if both lead to the same KSeF"}
	}
	if err := asUsage(p.base.Rehome(ctx, at)); err != nil {
		return err
	}
	p.out.println("the ledger now belongs to " + here.String())
	return nil
}

// officialAt returns the environment that has this fixed address; "" when none has.
func (co *core) officialAt(address string) config.Environment {
	for _, env := range []config.Environment{config.Test, config.Demo, config.Production} {
		official := config.Config{Environment: env}
		for _, url := range []string{official.GatewayURL(), official.DirectURL()} {
			if url != "" && (ledger.Home{Environment: string(config.Custom), Address: address}).Same(ledger.Home{Address: url}) {
				return env
			}
		}
	}
	return ""
}
