package main

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"ksefworker/config"
	"ksefworker/internal/connect"
	"ksefworker/internal/intake"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
	"ksefworker/internal/tasks"
)

type submitCmd struct {
	Lane     string        `help:"auto (the default), express (one by one, at once) or bulk (in packages)." placeholder:"LANE"`
	Offline  bool          `help:"The invoices were issued in offline24 mode; they travel in packages only."`
	Deadline string        `help:"Legal deadline of all of them, instead of the end of the next business day after P_1: 2026-11-24, 2026-11-24 16:00 (Warsaw) or RFC 3339." placeholder:"T"`
	Wait     waitMode      `help:"Wait until each is accepted, rejected, parked or dismissed, then print a summary; --wait=receipt waits for the receipts (UPO) of the accepted ones too."`
	Tenant   string        `help:"Name of the tenant that sends them, where several of one NIP are configured or a tax representative sends." placeholder:"NAME"`
	Require  bool          `help:"Let it be a fault (exit code 3) when a folder holds no invoice."`
	Timeout  time.Duration `help:"With --wait: stop waiting after this long, such as 30m or 2h." placeholder:"D"`
	JSON     bool          `name:"json" help:"Print one JSON object for each invoice instead of a line, refused ones too; with --wait once all are decided."`
	Paths    []string      `arg:"" name:"PATH" help:"File, folder, .zip, or - for standard input."`

	terms tasks.Terms
}

// check makes terms of the flags.
func (c *submitCmd) check() error {
	switch c.Lane {
	case "", string(ledger.Auto), string(ledger.Express), string(ledger.Bulk):
	default:
		return &usageError{what: fmt.Sprintf("--lane %q is not known", c.Lane), hint: "say auto, express or bulk"}
	}
	if c.Offline && c.Lane == string(ledger.Express) {
		return &usageError{what: "--offline does not go with --lane express: only a package can be declared offline", hint: "leave --lane out, or say --lane bulk"}
	}
	if c.Timeout != 0 && c.Wait == "" {
		return &usageError{what: "--timeout goes with --wait", hint: "add --wait, or leave --timeout out"}
	}
	if c.Timeout < 0 {
		return &usageError{what: "--timeout must not be negative"}
	}
	c.terms = tasks.Terms{Lane: ledger.Lane(c.Lane), Offline: c.Offline, Tenant: c.Tenant}
	if c.Deadline != "" {
		t, ok := parseTime(c.Deadline, invoice.Warsaw(), true)
		if !ok {
			return &usageError{what: fmt.Sprintf("--deadline %q is no time", c.Deadline), hint: "say 2026-11-24, \"2026-11-24 16:00\" or 2026-11-24T16:00:00+01:00"}
		}
		if now := time.Now(); t.Before(now) {
			return &usageError{
				what: fmt.Sprintf("--deadline %q is over (%s)", c.Deadline, deadlineText(t)),
				hint: "an invoice that is late is handed in without --deadline, and goes first",
			}
		}
		c.terms.Deadline = t
	}
	stdin := 0
	for _, path := range c.Paths {
		switch path {
		case "-":
			stdin++
		case "":
			return &usageError{what: "a PATH is empty", hint: "look for a variable that is not set"}
		}
	}
	if stdin > 1 {
		return &usageError{what: "- was given twice", hint: "there is one standard input"}
	}
	return nil
}

// handed is one document that was taken.
type handed struct {
	file, id string
	warning  string
	past     *ledger.Invoice // what the archive tells of one that the ledger has forgotten; nil for others
}

// counts of what was handed in.
type tally struct {
	created, present, refused int
	nowhere                   int // of the refused: paths that gave no document at all
	empty                     int // folders without an invoice, of which nobody says that they must hold one
	unsure                    int // of the refused: those to be handed in again, because the archive did not do its part
	waiting                   int // of those present: those that wait for a person
	taken                     []handed
}

// heapBeforeCollecting is in bytes. The collector keeps to it from then on, and what is in memory at a time is far less: six chunks of documents.
const heapBeforeCollecting = 192 << 20

func (c *submitCmd) run(ctx context.Context, p *program) error {
	// A short-lived process that reads much and keeps little: it need not collect before it has used this much, which saves a tenth of the time.
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(heapBeforeCollecting))
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	if err := c.knownTenant(p.cfg); err != nil {
		return err
	}
	admitter, err := p.base.Admitter()
	if err != nil {
		return &usageError{what: err.Error(), hint: "see validation.schema_dir in the configuration"}
	}
	if err := p.base.CheckDurable(ctx); err != nil {
		if volatile, ok := errors.AsType[*connect.VolatileError](err); ok {
			return &usageError{what: volatile.Error()}
		}
		return err
	}
	if err := p.atHome(errors.Join(p.base.Claim(ctx), p.base.ClaimArchive(ctx))); err != nil {
		return err
	}
	if err := p.base.DeclareStorage(ctx); err != nil {
		if fault, ok := errors.AsType[*config.FieldError](err); ok {
			return &usageError{what: fault.Error()}
		}
		return err
	}
	t, rows := &tally{}, &columns{s: p.out}
	refusals := &intake.Refusals{Record: p.base.Ledger, Tenant: func(nip string) bool {
		return slices.ContainsFunc(p.cfg.Tenants, func(t config.Tenant) bool { return t.NIP == nip })
	}}
	var shown error // what went wrong with showing, which must not stop the taking
	items := intake.Read(ctx, c.Paths, intake.Options{Stdin: p.in, MaxDocument: p.cfg.LargestInvoice()})
	err = intake.Run(ctx, admitter, items, c.terms, func(adms []tasks.Admission) {
		if !c.Require {
			adms = t.leaveEmpty(p, adms)
		}
		t.add(adms)
		if p.cfg.Ledger.Refusals > 0 {
			refusals.Note(ctx, adms)
		}
		shown = errors.Join(shown, c.show(ctx, p, rows, adms), p.out.flush())
	})
	p.say("%s", t)
	p.sayUnrecorded(refusals)
	if t.waiting > 0 {
		p.say("%d of those already here wait for a person: %s lists them with what to do", t.waiting, p.command("open"))
	}
	if full, ok := errors.AsType[*ledger.FullError](err); ok {
		return full // which says what to do
	}
	if err != nil {
		return fmt.Errorf("hand in: %w; what is not listed was perhaps taken: hand in the same files again, nothing is sent twice", err)
	}
	if shown != nil {
		return shown
	}
	if t.created+t.present == 0 && t.nowhere == t.refused {
		if t.empty > 0 && t.nowhere == 0 {
			return nil
		}
		return &usageError{what: "no document was found", hint: "each PATH is a file, a folder with *.xml in it, a .zip or -"}
	}
	if c.Wait != "" && len(t.taken) > 0 {
		return c.wait(ctx, p, t)
	}
	return t.verdict()
}

// verdict is the error that the refused documents are worth.
func (t *tally) verdict() error {
	switch {
	case t.unsure > 0:
		return fmt.Errorf("%w: documents not taken because the archive did not do its part: %d; hand the same files in again", connect.ErrUnreachable, t.unsure)
	case t.refused > 0, t.waiting > 0:
		return errSome
	}
	return nil
}

func (t *tally) add(adms []tasks.Admission) {
	for i := range adms {
		switch a := &adms[i]; a.Taken {
		case ledger.Created:
			t.created++
			t.taken = append(t.taken, handed{file: a.File, id: a.Invoice.ID, warning: reasonOf(a.Warning)})
		case ledger.Present:
			t.present++
			if a.Invoice.State.Open() || a.Invoice.State == ledger.Dismissed {
				t.waiting++
			}
			h := handed{file: a.File, id: a.Invoice.ID, warning: reasonOf(a.Warning)}
			if a.Archived {
				h.past = &a.Invoice
			}
			t.taken = append(t.taken, h)
		default:
			t.refused++
			var unsure *tasks.UnsureError
			if errors.As(a.Err, &unsure) {
				t.unsure++
			}
			var problem *intake.Problem
			if errors.As(a.Err, &problem) && problem.Path && !problem.Empty {
				t.nowhere++
			}
		}
	}
}

func (t *tally) String() string {
	var parts []string
	if t.created > 0 || t.present+t.refused == 0 {
		parts = append(parts, fmt.Sprintf("%d new", t.created))
	}
	if t.present > 0 {
		parts = append(parts, fmt.Sprintf("%d already here", t.present))
	}
	if t.refused > 0 {
		parts = append(parts, fmt.Sprintf("%d refused", t.refused))
	}
	return fmt.Sprintf("%d handed in: %s", t.created+t.present+t.refused, strings.Join(parts, ", "))
}

// show prints a line for each document. With --wait those that were taken come later, when it is known what became of them.
func (c *submitCmd) show(ctx context.Context, p *program, rows *columns, adms []tasks.Admission) error {
	present, err := c.presentEntries(ctx, p, adms)
	if err != nil {
		return err
	}
	for _, a := range adms {
		switch {
		case a.Taken == ledger.Refused && c.JSON:
			err = printJSON(p.out, refusedResult(a))
		case a.Taken == ledger.Refused:
			rows.row("", a.File, a.Invoice.Number, results.Refused+": "+reasonOf(a.Err))
		case c.Wait != "": // what came of it is told later, and in other words
			if a.Warning != nil {
				p.say("%s: %s%s", a.File, a.Invoice.Number, warningOf(&a))
			}
			if a.Terms.Text != "" {
				p.say("%s: %s: %s", a.File, a.Invoice.Number, a.Terms.Text)
			}
		case c.JSON:
			inv, ok := present[a.Invoice.ID]
			if !ok {
				inv = a.Invoice
			}
			r := p.resultOf(inv)
			r.File = a.File
			err = printJSON(p.out, handedResult{r, c.noteOf(&a, present), reasonOf(a.Warning), termsOf(&a)})
		case a.Taken == ledger.Present:
			here := "already here"
			if note := c.noteOf(&a, present); note != "" {
				here += ": " + note
			}
			if a.Terms.Text != "" {
				here += "; " + a.Terms.Text
			}
			rows.row(a.Invoice.ID, a.File, a.Invoice.Number, fmt.Sprintf("%s (%s)", a.Invoice.State, here)+warningOf(&a))
		default:
			rows.row(a.Invoice.ID, a.File, a.Invoice.Number, string(a.Invoice.State)+warningOf(&a))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// handedResult is a result as submit prints it: with what there is to say about the document.
type handedResult struct {
	results.Result
	Note    string       `json:"note,omitempty"`
	Warning string       `json:"warning,omitempty"`
	Terms   *termsResult `json:"terms,omitempty"`
}

// noteOf says of a document that is here already what is not plain about that; "" of all others.
func (c *submitCmd) noteOf(a *tasks.Admission, present map[string]ledger.Invoice) string {
	there := present[a.Invoice.ID].Tenant
	switch {
	case c.Tenant != "" && there != "" && there != c.Tenant:
		return "tenant " + there + " sends it, --tenant changes nothing"
	case a.Archived:
		return "its result is in the archive"
	case a.Taken == ledger.Present && a.Invoice.State == ledger.Dismissed:
		return "a person ended this document for good, so it is not sent; a document of other content takes the number"
	case a.Differs != "":
		return a.Differs
	}
	return ""
}

// presentEntries reads what the ledger knows of documents that were there already: they may have their KSeF number.
func (c *submitCmd) presentEntries(ctx context.Context, p *program, adms []tasks.Admission) (map[string]ledger.Invoice, error) {
	if (!c.JSON || c.Wait != "") && c.Tenant == "" {
		return nil, nil
	}
	var ids []string
	for _, a := range adms {
		if a.Taken == ledger.Present {
			ids = append(ids, a.Invoice.ID)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	invs, err := p.base.Ledger.Invoices(ctx, ids)
	if err := p.skip(err); err != nil {
		return nil, err
	}
	out := make(map[string]ledger.Invoice, len(invs))
	for _, inv := range invs {
		out[inv.ID] = inv
	}
	return out, nil
}
