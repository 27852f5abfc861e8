package main

import (
	"context"
	"fmt"

	"ksefworker/config"
	"ksefworker/internal/ledger"
)

type movedCmd struct {
	From string `required:"" help:"The address that the gateway had, as the refusal names it." placeholder:"URL"`
	Yes  bool   `help:"Do not ask."`
}

// anyHome says that the command is for a ledger whose home is not the configured one.
func (c *movedCmd) anyHome() {}

// run lets a ledger go on with a gateway that has another address now: what waits in it must not be
// stranded by a new host name of a proxy.
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
		return &usageError{what: fmt.Sprintf("nobody has claimed the ledger under redis.prefix %s", p.cfg.Redis.Prefix),
			hint: "the first worker or enqueue submit does"}
	case at.Environment != string(config.Custom) || !at.Same(ledger.Home{Address: c.From}):
		return &usageError{what: fmt.Sprintf("the ledger under redis.prefix %s belongs to %s, not to %s", p.cfg.Redis.Prefix, at, c.From)}
	}
	for _, address := range []string{here.Address, at.Address} {
		if env := p.officialAt(address); env != "" {
			return &usageError{
				what: fmt.Sprintf("%s is the gateway of %s itself, so this ledger would be moved from one KSeF to another", address, env),
				hint: fmt.Sprintf("give environment %s a ledger of its own, by another redis.prefix or database", env),
			}
		}
	}
	if err := idle(p); err != nil {
		return err
	}
	what := fmt.Sprintf("from now on send what waits in the ledger under redis.prefix %s to %s, not to %s",
		p.cfg.Redis.Prefix, here.Address, at.Address)
	if !c.Yes && !p.confirm(what+" (the same KSeF behind both)") {
		return &usageError{what: "nothing was changed: this would " + what, hint: "say --yes if the same KSeF is behind both"}
	}
	if err := p.atHome(p.base.Rehome(ctx, at)); err != nil {
		return err
	}
	p.out.println("the ledger belongs to " + here.String() + " now")
	return nil
}

// officialAt names the environment whose fixed address this is; "" when it is of none.
func (p *program) officialAt(address string) config.Environment {
	for _, env := range []config.Environment{config.Test, config.Production} {
		official := p.cfg
		official.Environment = env
		if (ledger.Home{Environment: string(config.Custom), Address: address}).Same(ledger.Home{Address: official.BaseURL()}) {
			return env
		}
	}
	return ""
}
