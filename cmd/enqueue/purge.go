package main

import (
	"bufio"
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"golang.org/x/term"

	"ksefworker/config"
	"ksefworker/internal/ledger"
)

type purgeCmd struct {
	Environment string `required:"" help:"The environment that the ledger belongs to: test, or custom with --gateway. Never production." placeholder:"E"`
	Gateway     string `help:"With --environment custom: the gateway's address that the ledger belongs to." placeholder:"URL"`
	Yes         bool   `help:"Do not ask."`
}

func (c *purgeCmd) check() error {
	switch config.Environment(c.Environment) {
	case config.Production:
		return errNeverProduction
	case config.Test:
		if c.Gateway != "" {
			return &usageError{what: "--gateway goes with --environment custom", hint: "leave one of them out"}
		}
	case config.Custom:
		if c.Gateway == "" {
			return &usageError{what: "--environment custom is dropped by its address, because it may lead to production",
				hint: "say --gateway URL as well"}
		}
	default:
		return &usageError{what: fmt.Sprintf("--environment %q is not known", c.Environment), hint: "say test or custom"}
	}
	return nil
}

var errNeverProduction = &usageError{
	what: "a ledger of production is never dropped: it is the only record of what was sent, and KSeF forgets nothing",
	hint: "for a fresh start use another redis.prefix",
}

// anyHome says that the command is for ledgers of other environments, too: it looks by itself.
func (c *purgeCmd) anyHome() {}

func (c *purgeCmd) run(ctx context.Context, p *program) error {
	home, err := p.base.Ledger.Home(ctx)
	if err != nil {
		return err
	}
	if err := c.may(ctx, p, home); err != nil {
		return err
	}
	counts, err := p.base.Ledger.Counts(ctx)
	if err != nil {
		return err
	}
	what := fmt.Sprintf("%d invoices of %s, their packages, queues and limits, everything under redis.prefix %s",
		total(counts), home, p.cfg.Redis.Prefix)
	if !c.Yes && !p.confirm("drop "+what) {
		return &usageError{what: "nothing was dropped: this would be " + what, hint: "say --yes"}
	}
	// A worker that came meanwhile would be told to stop by what it finds; a second look costs
	// nothing.
	if err := idle(p); err != nil {
		return err
	}
	steps := int64(0)
	dropped, err := p.base.Ledger.Purge(ctx, home, p.base.Queue.Drop, func(n int64) {
		if steps++; steps%100 == 0 {
			p.say("%d keys dropped so far", n)
		}
	})
	p.out.println("dropped: " + tell(dropped))
	p.say("the archive %s is left as it is, and is that of %s still: another environment needs another archive.url", p.cfg.Archive.URL, home)
	if err != nil {
		return fmt.Errorf("%w; run the same command again, it goes on where this one stopped", err)
	}
	return nil
}

// may refuses whatever is not certainly a ledger that can be done without.
func (c *purgeCmd) may(ctx context.Context, p *program, home ledger.Home) error {
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
		return &usageError{what: "nobody has written down where this ledger belongs, so it may be that of production",
			hint: "start a worker, or enqueue submit, with the configuration that it was made with: that writes it down"}
	case home.Same(ledger.Home{Environment: string(config.Production), Address: production.BaseURL()}):
		return errNeverProduction
	case home.Environment != c.Environment:
		hint := "if that is the one to drop, say --environment " + home.Environment
		if home.Environment == string(config.Custom) {
			hint += " --gateway " + home.Address
		}
		return &usageError{what: "this ledger belongs to " + home.String() + ", not to " + c.Environment, hint: hint}
	case home.Environment == string(config.Custom) && !home.Same(ledger.Home{Address: c.Gateway}):
		return &usageError{what: "this ledger belongs to " + home.String() + ", not to " + c.Gateway,
			hint: "say --gateway " + home.Address + " if that is the one to drop"}
	}
	return idle(p)
}

// idle refuses while workers are alive: they would go on with what is gone.
func idle(p *program) error {
	alive, err := p.base.Queue.Servers()
	if err != nil {
		return err
	}
	if len(alive) > 0 {
		return &usageError{what: fmt.Sprintf("%d workers are alive (%s)", len(alive), strings.Join(alive, ", ")),
			hint: "stop them first; one that was killed is counted for some seconds more"}
	}
	return nil
}

// confirm asks on a terminal. Where nobody can answer the answer is no.
func (p *program) confirm(what string) bool {
	in, ok := p.in.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return false
	}
	p.say("%s? Type yes to go on:", what)
	answer, _ := bufio.NewReader(in).ReadString('\n') // an answer that cannot be read is a no
	return strings.TrimSpace(answer) == "yes"
}

func total(counts map[string]int64) int64 {
	n := int64(0)
	for _, c := range counts {
		n += c
	}
	return n
}

// tell names what was dropped by the words that people know, and counts the rest.
func tell(dropped map[string]int64) string {
	rest := maps.Clone(dropped)
	var parts []string
	for _, known := range [][2]string{{"inv", "invoices"}, {"body", "documents"}, {"pkg", "packages"}} {
		parts = append(parts, fmt.Sprintf("%d %s", rest[known[0]], known[1]))
		delete(rest, known[0])
	}
	return strings.Join(slices.Concat(parts, []string{fmt.Sprintf("%d other keys (queues, limits, circuits, lists)", total(rest))}), ", ")
}
