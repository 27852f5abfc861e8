// Command demo shows the whole path of invoices on this machine, with a worker, the simulator,
// Redis and 300 sample invoices. See --help.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // Europe/Warsaw on a machine without zone files

	"github.com/alecthomas/kong"

	"ksefworker/internal/buildinfo"
	"ksefworker/internal/demo"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

type flags struct {
	Keep bool `help:"Keep everything running afterwards, until interrupted."`

	Version kong.VersionFlag `help:"Print the version and exit."`
}

func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var f flags
	exited := -1
	parser, err := kong.New(&f, kong.Name("demo"), kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { exited = code }),
		kong.Vars{"version": "demo " + buildinfo.Read().String()},
		kong.Description("Brings 300 sample invoices of two tenants to KSeF numbers, on this machine only."))
	if err != nil {
		fmt.Fprintln(stderr, "demo:", err)
		return exitUsage
	}
	_, err = parser.Parse(args)
	if exited >= 0 {
		return exited // --help, --version
	}
	if err != nil {
		fmt.Fprintf(stderr, "demo: %v\n", err)
		return exitUsage
	}
	if err := demo.Run(ctx, demo.Options{Keep: f.Keep, Out: stdout, Err: stderr}); err != nil {
		fmt.Fprintf(stderr, "demo: %v\n", err)
		return exitFailed
	}
	return exitOK
}
