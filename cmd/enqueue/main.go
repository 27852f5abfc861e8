// Command enqueue hands invoices in, shows what became of them, and retries or dismisses them. See
// --help.
//
// Standard output carries what was asked for, one line or one JSON object for each invoice.
// Everything else goes to standard error, so that --json and csv can be piped. Text that others
// wrote (file names, numbers, KSeF's texts) never reaches a terminal with control characters in it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	_ "time/tzdata" // Europe/Warsaw in an image without zone files

	"ksefworker/config"
	"ksefworker/internal/connect"
)

func main() { os.Exit(run(os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr)) }

// Exit codes.
const (
	exitOK          = 0
	exitUsage       = 2   // the call or the configuration is wrong, or no path holds a document
	exitSome        = 3   // something needs attention, such as a refused invoice
	exitUnreachable = 4   // Redis or another part did not answer
	exitInterrupted = 130 // by a signal
)

// errSome makes the exit code [exitSome]. The reasons were printed already.
var errSome = errors.New("not all")

// errUnexplained says that everything was shown except what invoices wait for. The reason was
// printed already.
var errUnexplained = errors.New("not explained")

// usageError is a mistake in the call or in the configuration.
type usageError struct{ what, hint string }

func (e *usageError) Error() string {
	if e.hint == "" {
		return e.what
	}
	return e.what + "; " + e.hint
}

// asUsage turns errors about settings into one usage error with a line for each. Any other error
// that is joined to them gets a line too. Without an error about a setting, asUsage returns err
// unchanged.
func asUsage(err error) error {
	if _, ok := errors.AsType[*config.FieldError](err); !ok {
		return err
	}
	all := apart(err)
	lines := make([]string, len(all))
	for i, one := range all {
		lines[i] = one.Error()
		if fault, ok := errors.AsType[*config.FieldError](one); ok {
			lines[i] = fault.Error()
		}
	}
	return &usageError{what: strings.Join(lines, "\n")}
}

// apart returns the errors that are joined in err, however often they were joined.
func apart(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, one := range joined.Unwrap() {
		all = append(all, apart(one)...)
	}
	return all
}

func run(args, environ []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C kills the process
	connect.QuietRedis()
	p := newProgram(&core{environ: environ, in: stdin, out: newScreen(stdout), err: newScreen(stderr), stderr: stderr})
	defer p.close()
	return p.exit(ctx, p.run(ctx, args))
}

// exit prints an error and returns its exit code.
func (p *program) exit(ctx context.Context, err error) int {
	if flushed := p.out.flush(); err == nil && flushed != nil {
		err = fmt.Errorf("write output: %w", flushed)
	}
	var usage *usageError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errSome):
		return exitSome
	case errors.Is(err, errUnexplained):
		return exitUnreachable
	case ctx.Err() != nil:
		if p.leave == nil { // the command takes nothing in
			p.say("interrupted; run the command again")
			return exitInterrupted
		}
		p.say("interrupted; invoices that were taken are on their way; hand in the same files again, nothing is sent twice")
		return exitInterrupted
	case errors.As(err, &usage):
		p.say("%v", err)
		return exitUsage
	case errors.Is(err, connect.ErrUnreachable):
		p.say("%v", err)
		return exitUnreachable
	}
	// Most other errors come from Redis or the archive during the work.
	p.say("%s", connect.Explain(err))
	return exitUnreachable
}
