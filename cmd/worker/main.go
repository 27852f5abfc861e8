// Command worker is one process of the pool that submits invoices to KSeF. See --help.
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

	"github.com/alecthomas/kong"
	"github.com/rs/zerolog"

	"ksefworker/config"
	"ksefworker/internal/app"
	"ksefworker/internal/arguments"
	"ksefworker/internal/buildinfo"
	"ksefworker/internal/connect"
	"ksefworker/internal/tracing"
)

func main() {
	keepHeapSmall()
	os.Exit(run(os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}

// Exit codes. A code that enqueue also has means the same there.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2 // the call or the configuration is wrong
	exitUnreachable = 4 // Redis or another part did not answer
)

type flags struct {
	Config             string `help:"Configuration file (YAML); or set KSEF_CONFIG." placeholder:"FILE" type:"path"`
	Check              bool   `help:"Check configuration, Redis, gateway and archive, say what is wrong and how to fix it, and exit."`
	Healthcheck        bool   `help:"Check whether the worker with this configuration is alive, and exit. For containers."`
	Demo               bool   `help:"Run the demo program, which is in the same folder: worker, simulator, Redis, 300 sample invoices."`
	Keep               bool   `help:"With --demo: keep everything running afterwards, until interrupted."`
	AllowVolatileRedis bool   `help:"Start on a Redis that may lose data. For development only."`

	Version kong.VersionFlag `help:"Print the version and exit."`
}

func run(args, environ []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var f flags
	exited := -1
	parser, err := f.parser(stdout, stderr, func(code int) { exited = code })
	if err != nil {
		fmt.Fprintln(stderr, "worker:", err)
		return exitUsage
	}
	_, err = parser.Parse(args)
	if exited >= 0 {
		return exited // --help, --version
	}
	if err != nil {
		fmt.Fprintf(stderr, "worker: %v\n", err)
		return exitUsage
	}
	if err := f.run(ctx, environ, stdout, stderr); err != nil {
		fmt.Fprintf(stderr, "worker: %v\n", err)
		var field *config.FieldError
		var env *tracing.EnvironmentError
		switch {
		case errors.Is(err, connect.ErrUnreachable):
			return exitUnreachable
		case errors.As(err, &field), errors.As(err, &env):
			return exitUsage
		}
		return exitFailed
	}
	return exitOK
}

// parser reads a command line into f. exit is called when the command line asks for help or the
// version.
func (f *flags) parser(stdout, stderr io.Writer, exit func(code int)) (*kong.Kong, error) {
	return kong.New(f, kong.Name("worker"), kong.Writers(stdout, stderr), kong.Exit(exit),
		arguments.KeepBytes(),
		kong.Vars{"version": "worker " + buildinfo.Read().String()},
		kong.Description("Submits invoices to KSeF: takes jobs from Redis, sends them within KSeF's limits, keeps the receipts."))
}

func (f flags) run(ctx context.Context, environ []string, stdout, stderr io.Writer) error {
	connect.RedisLog(zerolog.Nop())
	reload := hangups(ctx) // first, because without a handler SIGHUP ends the process
	if f.Demo {
		return runDemo(ctx, f.Keep, stdout, stderr)
	}
	path := f.Config
	if path == "" {
		path = lookup(environ, "KSEF_CONFIG")
	}
	cfg, err := f.load(path, environ)
	if err != nil {
		return err
	}
	switch {
	case f.Healthcheck:
		return app.Healthcheck(ctx, cfg)
	case f.Check:
		return app.CheckAll(ctx, cfg, stdout)
	}
	lines := app.NewLogWriter(stderr, cfg.Log)
	defer lines.Close()
	return app.Serve(ctx, app.ServeOptions{
		Load: func() (config.Config, error) { return f.load(path, environ) }, Reload: reload, Environ: environ,
		Log: func(cfg config.Config) zerolog.Logger {
			log := app.NewLog(cfg.Log, lines)
			connect.RedisLog(log)
			for _, warning := range cfg.Warnings {
				log.Warn().Msg(warning)
			}
			return log
		},
	})
}

func (f flags) load(path string, environ []string) (config.Config, error) {
	cfg, err := config.Load(path, environ)
	cfg.File = f.Config
	if f.AllowVolatileRedis {
		cfg.Redis.AllowVolatile = true
	}
	return cfg, err
}

// hangups turns SIGHUP into reloads. Signals that come during a reload cause at most two more. A
// worker that is stopping ignores the signal, because its default action would kill the worker
// before the end.
func hangups(ctx context.Context) <-chan struct{} {
	signals, reload := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, syscall.SIGHUP)
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-signals:
			}
			select {
			case <-ctx.Done():
				return
			case reload <- struct{}{}:
			}
		}
	}()
	return reload
}

func lookup(environ []string, name string) string {
	for _, kv := range environ {
		if v, ok := strings.CutPrefix(kv, name+"="); ok {
			return v
		}
	}
	return ""
}
