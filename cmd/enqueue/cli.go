package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/alecthomas/kong"

	"ksefworker/config"
	"ksefworker/internal/arguments"
	"ksefworker/internal/buildinfo"
	"ksefworker/internal/connect"
	"ksefworker/internal/ledger"
	"ksefworker/internal/shell"
	"ksefworker/internal/waiting"
)

// grammar is the command line.
type grammar struct {
	Config string `help:"Configuration file, the same as the worker's; or set KSEF_CONFIG." placeholder:"FILE"`

	Version kong.VersionFlag `help:"Print the version and exit."`

	Submit  submitCmd  `cmd:"" help:"${submit}"`
	Serve   serveCmd   `cmd:"" help:"${serve}"`
	Watch   watchCmd   `cmd:"" help:"${watch}"`
	Status  statusCmd  `cmd:"" help:"${status}"`
	Results resultsCmd `cmd:"" help:"${results}"`
	Open    openCmd    `cmd:"" help:"${open}"`
	Seen    seenCmd    `cmd:"" help:"${seen}"`
	Retry   retryCmd   `cmd:"" help:"${retry}"`
	Dismiss dismissCmd `cmd:"" help:"${dismiss}"`
	Pause   holdCmd    `cmd:"" help:"Stop sending new invoices of a tenant until it is resumed."`
	Drain   holdCmd    `cmd:"" help:"${drain}"`
	Resume  resumeCmd  `cmd:"" help:"End a pause or drain of a tenant, or the pause of a queue (--queue)."`
	Moved   movedCmd   `cmd:"" help:"${moved}"`
	Purge   purgeCmd   `cmd:"" help:"${purge}"`
	Explain explainCmd `cmd:"" help:"${explain}"`
	Qr      qrCmd      `cmd:"" help:"${qr}"`
	Proof   proofCmd   `cmd:"" help:"${proof}"`
	Report  reportCmd  `cmd:"" help:"${report}"`
	Find    findCmd    `cmd:"" help:"${find}"`
	Export  exportCmd  `cmd:"" help:"${export}"`
	Audit   auditCmd   `cmd:"" help:"Print who retried, dismissed, paused or exported what, and when, the newest first."`

	Deliveries  deliveriesCmd  `cmd:"" help:"${deliveries}"`
	Certificate certificateCmd `cmd:"" help:"${certificate}"`
	Token       tokenCmd       `cmd:"" help:"${token}"`
}

// program is one run of enqueue.
type program struct {
	*core
	*advice
	*reader
	leave func() // takes back what announce told the pool; nil when announce told nothing
}

// core is what every part of the program needs.
type core struct {
	environ  []string
	in       io.Reader
	out, err *screen
	stderr   io.Writer // what err writes to, for a log
	saying   sync.Mutex
	cfg      config.Config
	config   string // the value of --config
	base     *connect.Pool
}

// advice writes what a person can do next.
type advice struct{ *core }

// reader finds invoices, and finds out why they wait.
type reader struct {
	*core
	waits  *waiting.Reader // made at the first use; see waitingReader
	warned bool            // sayUnexplained has printed its message
	unread int             // how many entries and keys sayUnread has named
}

func newProgram(c *core) *program {
	return &program{core: c, advice: &advice{c}, reader: &reader{core: c}}
}

type command interface {
	run(ctx context.Context, p *program) error
}

// anyLedger marks the commands that may be used on a ledger of another environment or gateway. All
// others refuse it.
type anyLedger interface{ allowsAnyLedger() }

// standalone marks the commands that open what they need themselves, because they must also work
// without Redis or without a configuration.
type standalone interface{ opensItself() }

// configAlone marks the commands that need only the configuration, without Redis and the archive.
type configAlone interface{ configAlone() }

// parser reads command lines into g. exit is called when a command line asks for help or the
// version.
func (g *grammar) parser(out, err io.Writer, exit func()) (*kong.Kong, error) {
	return kong.New(g, kong.Name("enqueue"), kong.Description(description), kong.Writers(out, err),
		arguments.KeepBytes(),
		kong.Vars{"version": "enqueue " + buildinfo.Read().String()}, helpTexts, kong.Exit(func(int) { exit() }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}))
}

// called returns the command named by words. The parser has filled in its flags and arguments.
func (g *grammar) called(words []string) command {
	g.Pause.kind, g.Drain.kind = ledger.Paused, ledger.Draining
	if len(words) > 1 {
		g.Certificate.sub, g.Token.sub, g.Deliveries.sub = words[1], words[1], words[1]
	}
	return map[string]command{
		"submit": &g.Submit, "serve": &g.Serve, "watch": &g.Watch, "status": &g.Status, "results": &g.Results, "open": &g.Open,
		"seen": &g.Seen, "retry": &g.Retry, "dismiss": &g.Dismiss,
		"pause": &g.Pause, "drain": &g.Drain, "resume": &g.Resume,
		"purge": &g.Purge, "moved": &g.Moved, "explain": &g.Explain, "qr": &g.Qr, "proof": &g.Proof, "report": &g.Report,
		"find": &g.Find, "export": &g.Export, "audit": &g.Audit,
		"certificate": &g.Certificate, "token": &g.Token, "deliveries": &g.Deliveries,
	}[words[0]]
}

func (p *program) run(ctx context.Context, args []string) error {
	var g grammar
	exited := false
	parser, err := g.parser(p.out, p.err, func() { exited = true })
	if err != nil {
		return fmt.Errorf("build command line: %w", err)
	}
	parsed, err := parser.Parse(args)
	switch {
	case exited:
		return nil // --help, --version
	case err != nil:
		return &usageError{what: err.Error(), hint: callHint(args, err)}
	}
	if err := noneEmpty(parsed); err != nil {
		return err
	}
	c := g.called(strings.Fields(parsed.Command()))
	if v, ok := c.(interface{ check() error }); ok {
		if err := v.check(); err != nil {
			return err
		}
	}
	p.config = g.Config
	if _, ok := c.(standalone); ok {
		return c.run(ctx, p)
	}
	if err := p.load(g.Config); err != nil {
		return err
	}
	if _, ok := c.(configAlone); ok {
		return c.run(ctx, p)
	}
	if err := p.open(ctx); err != nil {
		return err
	}
	if _, ok := c.(anyLedger); !ok {
		if err := errors.Join(p.base.CheckHome(ctx), p.base.CheckTaxpayers(ctx)); err != nil {
			return asUsage(errors.Join(err, p.base.VerifyArchive(ctx))) // a person corrects both at once
		}
	}
	return c.run(ctx, p)
}

// noneEmpty refuses a flag whose value is empty, as in --ref "$REF" when REF is not set. Such a
// call would not do what the caller means.
func noneEmpty(parsed *kong.Context) error {
	for _, at := range parsed.Path {
		if at.Flag == nil {
			continue
		}
		if v := parsed.FlagValue(at.Flag); v != nil && reflect.ValueOf(v).Kind() == reflect.String && reflect.ValueOf(v).Len() == 0 {
			return &usageError{what: "--" + at.Flag.Name + " is empty",
				hint: "give it a value or leave it out; if the value comes from a variable, that variable may be unset"}
		}
	}
	return nil
}

// openOnce loads the configuration and opens Redis and the archive, unless an earlier call did. It
// refuses a ledger of another environment or gateway. Standalone commands call it when they turn
// out to need Redis.
func (p *program) openOnce(ctx context.Context) error {
	if p.base != nil {
		return nil
	}
	if err := p.load(p.config); err != nil {
		return err
	}
	if err := p.open(ctx); err != nil {
		return err
	}
	return asUsage(errors.Join(p.base.CheckHome(ctx), p.base.CheckTaxpayers(ctx)))
}

// callHint returns what to do about a call that cannot be parsed. The parser takes an invoice
// number that begins with a hyphen for a flag.
func callHint(args []string, err error) string {
	_, flag, unknown := strings.Cut(err.Error(), "unknown flag ")
	i := slices.IndexFunc(args, func(arg string) bool {
		return unknown && !strings.HasPrefix(arg, "--") && strings.HasPrefix(arg, "-") && strings.HasPrefix(flag, arg[:min(2, len(arg))])
	})
	if i < 0 {
		return "see enqueue --help"
	}
	return "if " + args[i] + " is a number or a name, not a flag, write -- before it: ... -- " + shell.Quote(args[i])
}

// load reads the configuration.
func (co *core) load(path string) error {
	from := path
	if path == "" {
		from = lookup(co.environ, "KSEF_CONFIG")
	}
	cfg, err := config.Load(from, co.environ)
	if err != nil {
		hint := ""
		if from == "" {
			hint = "name the worker's configuration with --config FILE or KSEF_CONFIG"
		}
		return &usageError{what: err.Error(), hint: hint}
	}
	cfg.File = path
	for _, w := range cfg.Warnings {
		co.say("note: %s", w)
	}
	co.cfg = cfg
	return nil
}

// open connects to Redis and the archive. As long as ctx lasts, every error except
// [connect.ErrUnreachable] means that the configuration is wrong.
func (p *program) open(ctx context.Context) (err error) {
	p.base, err = connect.OpenAnyArchive(ctx, p.cfg)
	if err != nil && !errors.Is(err, connect.ErrUnreachable) && ctx.Err() == nil {
		return &usageError{what: err.Error()}
	}
	return err
}

func (p *program) close() {
	if p.base != nil {
		if p.leave != nil {
			p.leave()
		}
		p.endTraces()
		_ = p.base.Close() // the work is done, so an error does not matter
	}
}

// say writes a message for a person to standard error. It is safe for concurrent use.
func (co *core) say(format string, args ...any) {
	co.saying.Lock()
	defer co.saying.Unlock()
	co.err.println("enqueue: " + strings.TrimSuffix(fmt.Sprintf(format, args...), "\n"))
	_ = co.err.flush() // there is no other place for an error message
}

func lookup(environ []string, name string) string {
	for _, e := range environ {
		if v, ok := strings.CutPrefix(e, name+"="); ok {
			return v
		}
	}
	return ""
}
