package main

import (
	"bufio"
	"context"
	"fmt"
	"maps"
	"os"
	"strings"

	"golang.org/x/term"

	"ksefworker/config"
	"ksefworker/internal/ledger"
	"ksefworker/internal/plural"
)

type purgeCmd struct {
	Environment string `required:"" help:"${purge_env}" placeholder:"E"`
	Gateway     string `help:"With --environment custom: the address of the gateway that the ledger belongs to." placeholder:"URL"`
	Yes         bool   `help:"Do not ask."`
}

func (c *purgeCmd) check() error {
	switch config.Environment(c.Environment) {
	case config.Production:
		return errNeverProduction
	case config.Test, config.Demo:
		if c.Gateway != "" {
			return &usageError{what: "--gateway needs --environment custom", hint: "leave one of them out"}
		}
	case config.Custom:
		if c.Gateway == "" {
			return &usageError{what: "--environment custom needs the gateway's address, because that may lead to production",
				hint: "use --gateway URL as well"}
		}
	default:
		return &usageError{what: fmt.Sprintf("--environment %q is not known", c.Environment), hint: "use test, demo or custom"}
	}
	return nil
}

var errNeverProduction = &usageError{
	what: "a ledger of production is never deleted: it is the only record of what was sent, and KSeF forgets nothing",
	hint: "for a fresh start use another redis.prefix",
}

// allowsAnyLedger implements [anyLedger], because the command checks the ledger's home itself.
func (c *purgeCmd) allowsAnyLedger() {}

func (c *purgeCmd) run(ctx context.Context, p *program) error {
	home, err := p.base.Ledger.Home(ctx)
	if err != nil {
		return err
	}
	if err := c.checkHome(ctx, p, home); err != nil {
		return err
	}
	counts, err := p.base.Ledger.Counts(ctx)
	if err != nil {
		return err
	}
	what := fmt.Sprintf("%s of %s, with packages, queues and limits, everything under redis.prefix %s",
		plural.Of(total(counts), "invoice", "invoices"), home, p.cfg.Redis.Prefix)
	if !c.Yes && !p.confirm("delete "+what) {
		return &usageError{what: "nothing was deleted: this would delete " + what, hint: "use --yes"}
	}
	// A worker may have started while the person answered. It would stop by itself when it finds
	// the ledger gone, but a second check costs nothing.
	if err := checkNoWorkers(p); err != nil {
		return err
	}
	steps := int64(0)
	deleted, err := p.base.Ledger.Purge(ctx, home, p.base.Queue.Drop, func(n int64) {
		if steps++; steps%100 == 0 {
			p.say("keys deleted so far: %d", n)
		}
	})
	p.out.println("deleted: " + purgeSummary(deleted))
	p.say("no archive was changed: what %s has in its archive stays there, and that archive cannot serve another environment", home)
	if err != nil {
		return fmt.Errorf("%w; run the same command again, it goes on where this one stopped", err)
	}
	return nil
}

// checkHome returns an error when the ledger is not the one that the flags name. It also returns an
// error when the ledger is, or may be, the ledger of production. It also returns an error while
// workers are running.
func (c *purgeCmd) checkHome(ctx context.Context, p *program, home ledger.Home) error {
	production := p.cfg
	production.Environment = config.Production
	switch {
	case home == (ledger.Home{}):
		empty, err := p.base.Ledger.Empty(ctx)
		if err != nil {
			return err
		}
		if empty {
			return &usageError{what: fmt.Sprintf("there is no ledger under redis.prefix %s", p.cfg.Redis.Prefix)}
		}
		return &usageError{what: "it is not recorded where this ledger belongs, so it may be the ledger of production",
			hint: "start a worker, or enqueue submit, with the configuration that the ledger was made with: that records it"}
	case home.Same(ledger.Home{Environment: string(config.Production), Address: production.BaseURL()}):
		return errNeverProduction
	case home.Environment != c.Environment:
		hint := "if that is the one to delete, say --environment " + home.Environment
		if home.Environment == string(config.Custom) {
			hint += " --gateway " + home.Address
		}
		return &usageError{what: "this ledger belongs to " + home.String() + ", not to " + c.Environment, hint: hint}
	case home.Environment == string(config.Custom) && !home.Same(ledger.Home{Address: c.Gateway}):
		return &usageError{what: "this ledger belongs to " + home.String() + ", not to " + c.Gateway,
			hint: "if that is the one to delete, say --gateway " + home.Address}
	}
	return checkNoWorkers(p)
}

// checkNoWorkers returns an error while workers are running, because they would go on with the old
// ledger.
func checkNoWorkers(p *program) error {
	running, err := p.base.Queue.Servers()
	if err != nil {
		return err
	}
	if len(running) > 0 {
		return &usageError{what: fmt.Sprintf("workers are running: %s", strings.Join(running, "; ")),
			hint: "stop them first; a worker that was killed counts as running for some seconds more"}
	}
	return nil
}

// confirm asks on a terminal. When standard input is not a terminal, the answer is no.
func (co *core) confirm(what string) bool {
	in, ok := co.in.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return false
	}
	co.say("%s? Type yes to go on:", what)
	answer, _ := bufio.NewReader(in).ReadString('\n') // an answer that cannot be read means no
	return strings.TrimSpace(answer) == "yes"
}

func total(counts map[string]int64) int64 {
	n := int64(0)
	for _, c := range counts {
		n += c
	}
	return n
}

// purgeSummary counts the deleted invoices, documents and packages, and all other keys together.
func purgeSummary(deleted map[string]int64) string {
	rest := maps.Clone(deleted)
	var parts []string
	for _, known := range [][3]string{{"inv", "invoice", "invoices"}, {"body", "document", "documents"}, {"pkg", "package", "packages"}} {
		parts = append(parts, plural.Of(rest[known[0]], known[1], known[2]))
		delete(rest, known[0])
	}
	parts = append(parts, plural.Of(total(rest), "other key", "other keys")+" (queues, limits, circuits, lists)")
	return strings.Join(parts, ", ")
}
