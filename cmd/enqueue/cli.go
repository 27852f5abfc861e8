package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"ksefworker/config"
	"ksefworker/internal/buildinfo"
	"ksefworker/internal/connect"
	"ksefworker/internal/ledger"
	"ksefworker/internal/waiting"
)

// grammar is the command line.
type grammar struct {
	Config string `help:"Configuration file, the same as the worker's. Also KSEF_CONFIG." placeholder:"FILE"`

	Version kong.VersionFlag `help:"Print the version and exit."`

	Submit  submitCmd  `cmd:"" help:"Hand in invoices: each PATH is a file, a folder (*.xml in it and below), a .zip, or - for standard input."`
	Status  statusCmd  `cmd:"" help:"Show how invoices stand, by id or number (P_2); without any, how many are in each state and whose deadline is near."`
	Results resultsCmd `cmd:"" help:"List what is decided: accepted, rejected, parked, dismissed and superseded invoices, in the order of their last change."`
	Open    openCmd    `cmd:"" help:"List what waits for a person: refused, rejected and parked documents, each with the commands that end it. Exit code 3 when there are any."`
	Retry   retryCmd   `cmd:"" help:"Let rejected or parked invoices begin anew, after you have looked into the reason."`
	Dismiss dismissCmd `cmd:"" help:"End queued, rejected, parked or refused documents for good, because they are not to be sent; another document can take the number."`
	Pause   holdCmd    `cmd:"" help:"Send nothing new of a tenant until it is resumed."`
	Drain   holdCmd    `cmd:"" help:"Take nothing new of a tenant in until it is resumed; what was taken is sent."`
	Resume  resumeCmd  `cmd:"" help:"Let a tenant go on that was paused or drained."`
	Moved   movedCmd   `cmd:"" help:"Say that the gateway of environment custom has a new address, so that its ledger goes on."`
	Purge   purgeCmd   `cmd:"" help:"Drop a whole ledger of a test: invoices, packages, queues and limits. Never one of production."`
}

const description = `Hands invoices (FA(3) XML) in for submission to KSeF, and tells what became of them.

States: queued, packed, sending, unknown, sent: on its way; accepted, receipted: it has its KSeF number; rejected, parked: a person has to act (enqueue open); dismissed, superseded: nothing is left to do, it was ended by a person or another document of its number was accepted.

Exit codes: 0 all taken (with --wait: all accepted, or nothing left to do); 2 wrong call or configuration, or no document found; 3 some refused, rejected or parked; 4 Redis or another part not reachable.`

// program is one run of enqueue.
type program struct {
	environ  []string
	in       io.Reader
	out, err *screen
	cfg      config.Config
	config   string // as it was named in the call
	base     *connect.Pool
	waits    *waiting.Reader // made when it is asked first
	silent   bool            // it was told that reasons of waits cannot be found out
}

type command interface {
	run(ctx context.Context, p *program) error
}

func (p *program) run(ctx context.Context, args []string) error {
	var g grammar
	exited := false
	parser, err := kong.New(&g, kong.Name("enqueue"), kong.Description(description), kong.Writers(p.out, p.err),
		kong.Vars{"version": "enqueue " + buildinfo.Read().String()},
		kong.Exit(func(int) { exited = true }), kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}))
	if err != nil {
		return fmt.Errorf("build command line: %w", err)
	}
	parsed, err := parser.Parse(args)
	switch {
	case exited:
		return nil // --help, --version
	case err != nil:
		return &usageError{what: err.Error(), hint: "see enqueue --help"}
	}
	g.Pause.kind, g.Drain.kind = ledger.Paused, ledger.Draining
	c := map[string]command{
		"submit": &g.Submit, "status": &g.Status, "results": &g.Results, "open": &g.Open, "retry": &g.Retry, "dismiss": &g.Dismiss,
		"pause": &g.Pause, "drain": &g.Drain, "resume": &g.Resume,
		"purge": &g.Purge, "moved": &g.Moved,
	}[strings.Fields(parsed.Command())[0]]
	if v, ok := c.(interface{ check() error }); ok {
		if err := v.check(); err != nil {
			return err
		}
	}
	p.config = g.Config
	if err := p.open(ctx, g.Config); err != nil {
		return err
	}
	if _, any := c.(interface{ anyHome() }); !any {
		if err := p.atHome(p.base.CheckHome(ctx)); err != nil {
			return err
		}
	}
	return c.run(ctx, p)
}

// open reads the configuration and connects. Whatever is wrong but not out of reach is the configuration's fault.
func (p *program) open(ctx context.Context, path string) error {
	from := path
	if path == "" {
		from = lookup(p.environ, "KSEF_CONFIG")
	}
	cfg, err := config.Load(from, p.environ)
	if err != nil {
		hint := ""
		if from == "" {
			hint = "name the worker's configuration with --config FILE or KSEF_CONFIG"
		}
		return &usageError{what: err.Error(), hint: hint}
	}
	for _, w := range cfg.Warnings {
		p.say("note: %s", w)
	}
	p.cfg = cfg
	p.base, err = connect.OpenAnyArchive(ctx, cfg)
	if err != nil && !errors.Is(err, connect.ErrUnreachable) && ctx.Err() == nil {
		return &usageError{what: err.Error()}
	}
	return err
}

// atHome makes a wrong configuration of a ledger that belongs elsewhere.
func (p *program) atHome(err error) error {
	if fault, ok := errors.AsType[*config.FieldError](err); ok {
		return &usageError{what: fault.Error()}
	}
	return err
}

func (p *program) close() {
	if p.base != nil {
		_ = p.base.Close() // nothing is left to be said to Redis
	}
}

// say tells a person something, on standard error.
func (p *program) say(format string, args ...any) {
	p.err.println("enqueue: " + strings.TrimSuffix(fmt.Sprintf(format, args...), "\n"))
	_ = p.err.flush() // there is nowhere left to complain
}

func lookup(environ []string, name string) string {
	for _, e := range environ {
		if v, ok := strings.CutPrefix(e, name+"="); ok {
			return v
		}
	}
	return ""
}

// parseTime reads a point in time as people write it: RFC 3339, or a day or a day and time in Warsaw. A day alone is its beginning, or with end its end.
func parseTime(s string, warsaw *time.Location, end bool) (time.Time, bool) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, true
	}
	for _, layout := range []string{"2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02 15:04:05"} {
		if t, err := time.ParseInLocation(layout, s, warsaw); err == nil {
			return t, true
		}
	}
	t, err := time.ParseInLocation(time.DateOnly, s, warsaw)
	if err != nil {
		return time.Time{}, false
	}
	if end {
		t = t.AddDate(0, 0, 1)
	}
	return t, true
}
