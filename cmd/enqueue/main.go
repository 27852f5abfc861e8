// Command enqueue hands invoices in, tells what became of them, and lets them try again. See --help.
//
// Standard output carries what was asked for, one line or one JSON object for each invoice; everything else goes to standard error, so that --json and csv can
// be piped. No output ever holds content of an invoice beyond its number, and nothing that somebody else wrote (file names, numbers, KSeF's texts) reaches a
// terminal with control characters in it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // Europe/Warsaw in an image without zone files

	"ksefworker/internal/connect"
)

func main() { os.Exit(run(os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr)) }

// Exit codes.
const (
	exitOK          = 0
	exitUsage       = 2   // the call or the configuration is wrong, or no path that was named holds a document
	exitSome        = 3   // some invoices were refused, rejected or parked, or are not known
	exitUnreachable = 4   // Redis or another part did not answer
	exitInterrupted = 130 // by a signal
)

// errSome says that the work was done, but not for all; what is wrong with which was told already.
var errSome = errors.New("not all")

// usageError is a mistake in the call.
type usageError struct{ what, hint string }

func (e *usageError) Error() string {
	if e.hint == "" {
		return e.what
	}
	return e.what + "; " + e.hint
}

func run(args, environ []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends what does not heed the first
	connect.QuietRedis()
	p := &program{environ: environ, in: stdin, out: newScreen(stdout), err: newScreen(stderr)}
	defer p.close()
	return p.exit(ctx, p.run(ctx, args))
}

// exit tells an error and gives its code.
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
	case ctx.Err() != nil:
		p.say("interrupted; what was taken is on its way, and handing in the same files again sends nothing twice")
		return exitInterrupted
	case errors.As(err, &usage):
		p.say("%v", err)
		return exitUsage
	case errors.Is(err, connect.ErrUnreachable):
		p.say("%v", err)
		return exitUnreachable
	}
	// All that is left is an error of Redis or the archive in the middle of the work.
	p.say("%v", err)
	return exitUnreachable
}
