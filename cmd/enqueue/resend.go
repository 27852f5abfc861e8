package main

import (
	"context"
	"errors"
	"strconv"
	"time"

	"ksefworker/internal/actions"
	"ksefworker/internal/ledger"
	"ksefworker/internal/results/sinks"
)

type resendCmd struct {
	Since    string   `help:"${deliveries_since}" placeholder:"T"`
	All      bool     `help:"Send all results that were given up because this receiver did not take them for three days."`
	Receiver string   `arg:"" name:"RECEIVER" help:"The name of a webhook, or one of the words stream, folder and postgres."`
	IDs      []string `arg:"" optional:"" name:"ID" help:"Ids of invoices or refused documents."`
}

type resumeDeliveriesCmd struct {
	Receiver string `arg:"" name:"RECEIVER" help:"The name of a webhook, or one of the words stream, folder and postgres."`
}

func (c *resendCmd) run(ctx context.Context, p *program) error {
	name, err := p.receiver(c.Receiver)
	if err != nil {
		return err
	}
	receivers := p.receivers()
	if c.Since != "" {
		since, err := p.since(ctx, c.Since)
		if err != nil {
			return err
		}
		return c.rewind(ctx, p, name, since)
	}
	untold, err := p.untold(ctx, name)
	if err != nil {
		return err
	}
	n, err := receivers.Resend(ctx, name, osUser(p.environ), "", c.IDs...)
	if err != nil {
		return p.busyError(err)
	}
	when, err := againWhen(ctx, p, name)
	if err != nil {
		return err
	}
	rows := &columns{s: p.out}
	rows.row(name, strconv.Itoa(n), when+untold.except())
	untold.say(p)
	if n == 0 || n < len(c.IDs) {
		p.say("ids and --all send again only results that were given up (%s lists them); --since sends again everything since a time",
			p.command("deliveries", "list", name))
		return errSome
	}
	return nil
}

func (c *resendCmd) rewind(ctx context.Context, p *program, name string, since time.Time) error {
	span, err := p.base.Ledger.Outbox(ctx)
	if err != nil {
		return err
	}
	untold, err := p.untold(ctx, name)
	if err != nil {
		return err
	}
	first := (&ledger.Outcome{At: span.First}).Time()
	if err := p.receivers().Rewind(ctx, name, osUser(p.environ), since); err != nil {
		return p.busyError(err)
	}
	when, err := againWhen(ctx, p, name)
	if err != nil {
		return err
	}
	(&columns{s: p.out}).row(name, "everything since "+day(since), when+", with the same ids and revisions"+untold.except())
	untold.say(p)
	list := p.command("results", "--since", c.Since, "--format", "ndjson")
	if span.First == "" {
		p.say("the outbox is empty; to list results: %s", list)
		return errSome
	}
	if first.After(since) && span.Added > span.Length {
		p.say("the outbox begins at %s; to list results that became final earlier: %s", day(first), list)
		return errSome
	}
	return nil
}

// againWhen says when results are sent to a receiver again. A receiver that is stopped is told
// nothing until a person resumes it. In that case againWhen also says how.
func againWhen(ctx context.Context, p *program, receiver string) (string, error) {
	s, err := p.base.Ledger.Sink(ctx, receiver)
	if err != nil {
		return "", err
	}
	if s.Stopped == 0 {
		return "sent again within seconds", nil
	}
	sayStopped(p, receiver)
	return "sent again once the receiver is resumed", nil
}

func sayStopped(p *program, receiver string) {
	p.say("the receiver is stopped: it is told nothing until a person runs %s", p.command("deliveries", "resume", receiver))
}

func (c *resumeDeliveriesCmd) run(ctx context.Context, p *program) error {
	name, err := p.receiver(c.Receiver)
	if err != nil {
		return err
	}
	untold, err := p.untold(ctx, name)
	if err != nil {
		return err
	}
	if err := p.receivers().Resume(ctx, name, osUser(p.environ)); err != nil {
		return p.busyError(err)
	}
	(&columns{s: p.out}).row(name, "resumed", "is called within seconds, with what it did not take"+untold.except())
	untold.say(p)
	return nil
}

// since reads a time, or a duration that is counted back from now.
func (p *program) since(ctx context.Context, text string) (time.Time, error) {
	from, err := parseSince(text)
	if err != nil {
		return time.Time{}, err
	}
	now, err := p.base.Ledger.Clock(ctx)
	return from(now), err
}

func (p *program) busyError(err error) error {
	if errors.Is(err, sinks.ErrBusy) {
		p.say("%v", sinks.ErrBusy)
		return errSome
	}
	return err
}

func (rd *reader) receivers() *actions.Receivers {
	return &actions.Receivers{Admin: sinks.Admin{Ledger: rd.base.Ledger}, Audit: rd.base.Audit("enqueue")}
}
