package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"ksefworker/internal/explain"
	"ksefworker/internal/inquiry"
	"ksefworker/internal/ledger"
	"ksefworker/internal/report"
	"ksefworker/internal/results"
)

type explainCmd struct {
	Lang  string   `help:"pl or en; by default as LC_ALL, LC_MESSAGES or LANG say, else en." placeholder:"L"`
	JSON  bool     `name:"json" help:"Print one JSON object for each code or document, in both languages."`
	ID    bool     `name:"id" help:"The names are ids, numbers or KSeF numbers of invoices, even when a code has the same name."`
	Names []string `arg:"" optional:"" name:"CODE|ID|P_2|KSEF_NUMBER" help:"${explain_names}"`
}

// opensItself implements [standalone], because explaining a code needs neither a configuration nor
// Redis. Explaining an invoice needs both.
func (c *explainCmd) opensItself() {}

func (c *explainCmd) check() error {
	switch c.Lang {
	case "", string(explain.Polish), string(explain.English):
		return nil
	}
	return &usageError{what: fmt.Sprintf("--lang %q is not known", c.Lang), hint: "use pl or en"}
}

// language returns the language in --lang, or else the language of the environment.
func (c *explainCmd) language(environ []string) explain.Language {
	named := cmp.Or(c.Lang, lookup(environ, "LC_ALL"), lookup(environ, "LC_MESSAGES"), lookup(environ, "LANG"))
	if strings.HasPrefix(named, string(explain.Polish)) {
		return explain.Polish
	}
	return explain.English
}

func (c *explainCmd) run(ctx context.Context, p *program) error {
	show := explainer{p: p, lang: c.language(p.environ), json: c.JSON}
	if len(c.Names) == 0 {
		return show.list()
	}
	missing := false
	for _, name := range c.Names {
		if codes := explain.Find(name); len(codes) > 0 && !c.ID {
			if err := show.codes(codes); err != nil {
				return err
			}
			continue
		}
		known, err := c.document(ctx, p, &show, name)
		if err != nil {
			return err
		}
		if !known {
			missing = true
			p.say("%s: not a known code, and %s; enqueue explain lists the codes, and enqueue find looks in the archive", name, unknownInvoice)
		}
	}
	if missing || show.unread {
		return errSome
	}
	return nil
}

// document explains the invoices whose id, number or KSeF number is name. When there are none, it
// explains the refused documents of that name. It returns true when it has explained a document, or
// has said that an entry could not be read.
func (c *explainCmd) document(ctx context.Context, p *program, show *explainer, name string) (bool, error) {
	if err := p.openOnce(ctx); err != nil {
		return false, fmt.Errorf("%s is not a known code, and no invoice can be looked up: %w", name, err)
	}
	before := p.unread
	invs, err := p.findName(ctx, name)
	unsure := hasShared(err)
	instead, unread, err := p.skipNamed(ctx, err)
	if err != nil {
		return false, err
	}
	show.unread = show.unread || unread
	found, err := p.inquiry().Results(ctx, invs)
	if err != nil {
		return false, err
	}
	found = append(found, instead...)
	for _, r := range found {
		f := explain.Facts{State: r.State, Code: r.Code, Reason: r.Reason, WaitingFor: r.WaitingFor, Waiting: r.WaitingWhat}
		said := show.told(r)
		if err := show.document(inquiry.OpenItem{Tenant: r.Tenant, Result: r}, f, said); err != nil {
			return false, err
		}
	}
	if len(found) == 0 && unsure {
		p.sayUnsure(name)
	}
	if len(found) > 0 || unread {
		return true, nil
	}
	refused, err := p.inquiry().Refused(ctx, name)
	if err := p.skip(err); err != nil {
		return false, err
	}
	if p.unread > before {
		if show.unread = true; len(refused) == 0 {
			p.sayUnsure(name)
			return true, nil
		}
	}
	for i := range refused {
		ref := &refused[i]
		item := inquiry.OpenItem{Tenant: ref.Tenant, Result: results.OfRefusal(ref), Remedy: ref.Remedy}
		said := item.Result.Reason
		if show.lang == explain.Polish {
			said = explain.PolishFaults(report.Faults(ref), ref.More)
		}
		if err := show.document(item, explain.Facts{State: item.Result.State, Rules: rulesOf(ref)}, said); err != nil {
			return false, err
		}
	}
	return len(refused) > 0, nil
}

func rulesOf(r *ledger.Refusal) []string {
	rules := make([]string, len(r.Faults))
	for i, f := range r.Faults {
		rules[i] = f.Rule
	}
	return rules
}

// explainer prints explanations.
type explainer struct {
	p       *program
	lang    explain.Language
	json    bool
	started bool
	unread  bool // an entry of the ledger could not be read
}

// list prints a line for each code of the table.
func (x *explainer) list() error {
	if x.json {
		return x.codes(explain.All())
	}
	rows := make([][]string, 0, 200)
	for _, e := range explain.All() {
		rows = append(rows, []string{e.Name(), e.In(x.lang).Name})
	}
	table(x.p.out, []string{"CODE", strings.ToUpper(explain.HeadingsIn(x.lang).Means)}, rows)
	return nil
}

func (x *explainer) codes(entries []explain.Entry) error {
	for _, e := range entries {
		if x.json {
			if err := printJSON(x.p.out, e); err != nil {
				return err
			}
			continue
		}
		x.gap()
		x.entry(e)
	}
	return nil
}

// explained is an invoice or refused document with its explanations. The explanation that says the
// most comes first.
type explained struct {
	ID           string          `json:"id"`
	Number       string          `json:"number"`
	State        string          `json:"state"`
	Code         int             `json:"code"`
	Reason       string          `json:"reason"`
	WaitingFor   string          `json:"waiting_for,omitempty"`
	WaitingWhat  string          `json:"waiting_what,omitempty"`
	Explanations []explain.Entry `json:"explanations"`
	Do           string          `json:"do,omitempty"`
}

// document explains one invoice or refused document. said is the reason of the document, in the
// language that was asked for.
func (x *explainer) document(item inquiry.OpenItem, f explain.Facts, said string) error {
	entries := explain.About(f)
	r, do := item.Result, x.p.whatToDo(item)
	if x.json {
		return printJSON(x.p.out, explained{ID: r.ID, Number: r.Number, State: r.State, Code: r.Code, Reason: r.Reason,
			WaitingFor: r.WaitingFor, WaitingWhat: r.WaitingWhat, Explanations: entries, Do: do})
	}
	x.gap()
	x.p.out.println(strings.Join([]string{r.ID, r.Number, r.State}, "  "))
	if said != "" {
		x.lines("", said)
	}
	for _, e := range entries {
		x.entry(e)
	}
	for part := range strings.SplitSeq(do, "; ") {
		if part != "" {
			x.p.out.println("  - " + x.say(part))
		}
	}
	return nil
}

// say returns a text of the program in the language that was asked for. A text that has no form in
// that language, such as KSeF's words, is returned unchanged.
func (x *explainer) say(text string) string {
	if said, ok := explain.Say(x.lang, text); ok {
		return said
	}
	return text
}

// told returns the outcome of an invoice, or what the invoice waits for, in the language that was
// asked for.
func (x *explainer) told(r results.Result) string {
	r.Reason, r.WaitingWhat = x.say(r.Reason), x.say(r.WaitingWhat)
	return cmp.Or(outcome(r), waitTextIn(x.lang, r))
}

func (x *explainer) gap() {
	if x.started {
		x.p.out.raw("")
	}
	x.started = true
}

func (x *explainer) entry(e explain.Entry) {
	w, h := e.In(x.lang), explain.HeadingsIn(x.lang)
	x.p.out.println(e.Code + "  " + w.Name)
	x.lines(h.Kind, e.Space.Label(x.lang)+" ("+e.Name()+")")
	x.lines(h.Means, w.Means)
	x.lines(h.Fault, e.Fault.Label(x.lang))
	x.lines(h.Do, w.Do)
	x.lines(h.Retry, e.Retry.Label(x.lang))
}

// lines prints a part of an explanation. On a terminal it wraps the text to the width; elsewhere it
// prints one line.
func (x *explainer) lines(heading, text string) {
	if heading != "" {
		text = heading + ": " + text
	}
	if !x.p.out.terminal() {
		x.p.out.println("  " + text)
		return
	}
	limit, line := max(min(x.p.out.width(), 100)-4, 30), ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > limit {
			x.p.out.println("  " + line)
			line = "  "
		} else if line != "" {
			line += " "
		}
		line += word
	}
	x.p.out.println("  " + line)
}
