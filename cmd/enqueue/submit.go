package main

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/plural"
)

type submitCmd struct {
	Lane     string        `help:"auto (the default), express (one by one, at once) or bulk (in packages)." placeholder:"LANE"`
	Offline  bool          `help:"The invoices were issued in offline24 mode; they are sent in packages only."`
	Corrects string        `help:"${submit_corrects}" placeholder:"HASH|ID"`
	Deadline string        `help:"${submit_deadline}" placeholder:"T"`
	Wait     waitMode      `help:"${submit_wait}"`
	Tenant   string        `help:"${submit_tenant}" placeholder:"NAME"`
	Ref      string        `help:"${submit_ref}" placeholder:"REF"`
	Manifest string        `help:"${submit_manifest}" placeholder:"FILE"`
	Require  bool          `help:"Treat a folder or manifest without an invoice as a fault (exit code 3)."`
	Timeout  time.Duration `help:"With --wait: stop waiting after this long, such as 30m or 2h." placeholder:"D"`
	JSON     bool          `name:"json" help:"${submit_json}"`
	Paths    []string      `arg:"" optional:"" name:"PATH" help:"File, folder, .zip, or - for standard input."`

	terms intake.Terms
	left  []intake.Left // set when all items have been read
}

// check checks the flags and makes the terms from them.
func (c *submitCmd) check() error {
	switch c.Lane {
	case "", string(ledger.Auto), string(ledger.Express), string(ledger.Bulk):
	default:
		return &usageError{what: fmt.Sprintf("--lane %q is not known", c.Lane), hint: "use auto, express or bulk"}
	}
	corrects := intake.Corrects(c.Corrects)
	if err := corrects.Check(ledger.Lane(c.Lane)); err != nil {
		return &usageError{what: "--corrects: " + err.Error()}
	}
	if c.Corrects != "" && len(c.Paths) != 1 {
		return &usageError{what: "--corrects is for one PATH", hint: "hand in each technical correction by itself, or use --manifest"}
	}
	if c.Offline && c.Lane == string(ledger.Express) && c.Corrects == "" {
		return &usageError{what: "--offline cannot be combined with --lane express: only a package can be declared offline",
			hint: "leave --lane out, or say --lane bulk"}
	}
	if c.Timeout != 0 && c.Wait == "" {
		return &usageError{what: "--timeout needs --wait", hint: "add --wait, or leave --timeout out"}
	}
	if c.Timeout < 0 {
		return &usageError{what: "--timeout must not be negative"}
	}
	c.terms = intake.Terms{Lane: ledger.Lane(c.Lane), Offline: c.Offline, Corrects: corrects}
	if c.Deadline != "" {
		t, ok := intake.ParseTime(c.Deadline, true)
		if !ok {
			return &usageError{what: fmt.Sprintf("--deadline %q is not a time", c.Deadline),
				hint: "use 2026-11-24, \"2026-11-24 16:00\" or 2026-11-24T16:00:00+01:00"}
		}
		now := time.Now()
		if intake.LongPast(t, now) {
			return &usageError{
				what: fmt.Sprintf("--deadline %q is in the past (%s)", c.Deadline, deadlineText(t)),
				hint: "hand in a late invoice without --deadline; it is sent first",
			}
		}
		if intake.FarAway(t, now) {
			return &usageError{what: fmt.Sprintf("--deadline %q is more than a year away", c.Deadline), hint: "check the year"}
		}
		c.terms.Deadline = t
	}
	if err := c.checkSource(); err != nil {
		return err
	}
	stdin := 0
	for _, path := range c.Paths {
		switch path {
		case "-":
			stdin++
		case "":
			return &usageError{what: "a PATH is empty", hint: unsetVariable}
		}
	}
	if stdin > 1 {
		return &usageError{what: "- was given twice", hint: "there is one standard input"}
	}
	return nil
}

// memoryLimit is the memory, in bytes, at which the garbage collector starts. It is far above what
// a run keeps, because the package intake bounds how many bytes of documents are in memory at a
// time.
const memoryLimit = 64 << 20

func (c *submitCmd) run(ctx context.Context, p *program) error {
	// This short process reads much and keeps little. Collecting garbage only at the limit saves a
	// tenth of the time.
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(memoryLimit))
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	if c.Tenant != "" {
		t, err := p.tenant("--tenant ", c.Tenant)
		if err != nil {
			return err
		}
		c.terms.Tenant = t.Title()
	}
	ctx, end, err := p.traced(ctx, "enqueue submit")
	if err != nil {
		return err
	}
	defer end()
	admitter := p.base.Admitter()
	if c.Manifest != "" {
		admitter.NamedBy = intake.ByField
	}
	if err := p.mayTake(ctx); err != nil {
		return err
	}
	t, rows := &tally{}, &columns{s: p.out}
	refusals := &intake.Refusals{Record: p.base.Ledger, Tenant: p.owner, Accounts: admitter.Accounts, Asked: c.terms.Tenant}
	var shown error // errors of the output, which must not stop the intake
	items, done, err := c.items(ctx, p)
	if err != nil {
		return err
	}
	defer done()
	err = intake.Run(ctx, admitter, items, c.terms, func(adms []intake.Admission) {
		if !c.Require {
			adms = t.removeEmpty(p, adms)
		}
		t.add(adms)
		if p.cfg.Ledger.Refusals > 0 {
			refusals.Note(ctx, adms)
		}
		shown = errors.Join(shown, c.show(ctx, p, rows, adms), p.out.flush())
	})
	p.say("%s", t)
	c.sayLeft(p)
	p.sayUnrecorded(refusals)
	if t.waiting > 0 {
		p.say("%d of those already here %s for a person: %s lists what to do", t.waiting,
			plural.Form(t.waiting, "waits", "wait"), p.command("open"))
	}
	if t.dismissed > 0 {
		p.say("%d of those already here %s; if that was a mistake: %s", t.dismissed,
			plural.Form(t.dismissed, "was dismissed by a person and is not sent", "were dismissed by a person and are not sent"),
			p.command("retry", "ID"))
	}
	if full, ok := errors.AsType[*ledger.FullError](err); ok {
		return full // its text says what to do
	}
	if err != nil {
		return fmt.Errorf("hand in: %w; documents that are not listed may have been taken: "+
			"hand in the same files again, nothing is sent twice", err)
	}
	if shown != nil {
		return shown
	}
	if t.created+t.present == 0 && t.noDocument == t.refused {
		if t.empty > 0 && t.noDocument == 0 {
			return nil
		}
		return &usageError{what: "no document was found", hint: "each PATH is a file, a folder with *.xml in it, a .zip or -"}
	}
	if c.Wait != "" && len(t.taken) > 0 {
		return c.wait(ctx, p, t)
	}
	return t.result()
}
