package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	"github.com/rs/zerolog"

	"ksefworker/internal/arguments"
	"ksefworker/internal/buildinfo"
	"ksefworker/internal/simulator"
)

// Exit codes.
const (
	exitOK    = 0
	exitFault = 1
	exitUsage = 2
)

type flags struct {
	Addr         string        `default:"127.0.0.1:9090" help:"Address to listen on; port 0 takes a free one."`
	Profile      string        `default:"production" enum:"production,unlimited" help:"Request limits: production or unlimited."`
	Delay        time.Duration `default:"1s" help:"How long a closed session or an upload to the box is processed."`
	InvoiceDelay time.Duration `default:"0s" help:"How long an online invoice, a query or a download by the box is processed."`
	Scale        float64       `default:"1" help:"Divides the windows of the request limits: 60 makes an hour a minute."`
	Faults       string        `type:"existingfile" help:"Script of faults to inject, JSON or YAML."`

	Account  []string `placeholder:"ID:KEYFILE[:NIP]" help:"${account_help}"`
	Taxpayer []string `placeholder:"NIP:BYTES:BYTES:N" help:"${taxpayer_help}"`
	Grant    []string `placeholder:"FROM:TO[:SCOPE]" help:"${grant_help}"`

	Direct directFlags `embed:"" prefix:"direct-"`

	BaseURL  string           `name:"base-url" help:"Address to which parts are uploaded; by default the address that the client used."`
	Seed     int64            `help:"Makes identifiers and probabilities repeatable."`
	Version  kong.VersionFlag `help:"Print the version and exit."`
	LogLevel string           `default:"info" enum:"debug,info,warn,error" help:"What is logged: debug shows each request."`
}

// texts returns the texts for the variables in the flags' tags.
func texts() kong.Vars {
	return kong.Vars{
		"version": "simulator " + buildinfo.Read().String(),
		"account_help": "Another account, its key in a file; without NIP it may send for any seller. " +
			"Repeatable.",
		"taxpayer_help": "A taxpayer with limits of its own: bytes of an invoice without and with attachment, " +
			"invoices in a session; 0 is the usual limit. Repeatable.",
		"grant_help": "NIP FROM lets NIP TO issue its invoices; SCOPE is SelfInvoicing (the default) " +
			"or TaxRepresentative. Repeatable.",
		"token_help": "A KSeF token of a taxpayer, in a file; permissions are separated by commas, InvoiceRead and " +
			"InvoiceWrite by default. Repeatable.",
		"direct_grant_help": "A NIP, a PESEL or the fingerprint of a certificate that may log in for NIP, with these " +
			"permissions. Repeatable.",
		"rate_help": "Request limits of one taxpayer in one group, such as invoiceSend, per second, minute and hour; " +
			"-1 means no limit. Repeatable.",
	}
}

// run runs the whole program until it ends or gets SIGINT or SIGTERM, and returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	return serve(ctx, args, stdout, stderr)
}

// serve answers requests until ctx ends, and returns the exit code.
func serve(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var f flags
	exit := -1
	parser, err := kong.New(&f, kong.Name("simulator"), kong.Description("A strict stand-in for the KSeF gateway."),
		texts(), arguments.KeepBytes(), kong.Writers(stdout, stderr), kong.Exit(func(code int) { exit = code }))
	if err != nil {
		fmt.Fprintln(stderr, "simulator:", err)
		return exitFault
	}
	_, err = parser.Parse(args)
	if exit >= 0 { // --help
		return exit
	}
	if err != nil {
		fmt.Fprintln(stderr, "simulator:", err)
		return exitUsage
	}
	options, err := f.options(stderr)
	if err != nil {
		fmt.Fprintln(stderr, "simulator:", err)
		return exitUsage
	}
	if _, err := f.Direct.options(); err != nil {
		fmt.Fprintln(stderr, "simulator:", err)
		return exitUsage
	}
	if err := listen(ctx, f, options, stdout); err != nil {
		fmt.Fprintln(stderr, "simulator:", err)
		return exitFault
	}
	return exitOK
}

func (f flags) options(stderr io.Writer) (simulator.Options, error) {
	level, err := zerolog.ParseLevel(f.LogLevel)
	if err != nil {
		return simulator.Options{}, fmt.Errorf("read log level: %w", err)
	}
	o := simulator.Options{
		Profile: simulator.Profile(f.Profile), Scale: f.Scale, Delay: f.Delay, InvoiceDelay: f.InvoiceDelay,
		Log:     zerolog.New(stderr).Level(level).With().Timestamp().Logger(),
		BaseURL: strings.TrimSuffix(f.BaseURL, "/"), Seed: f.Seed,
	}
	var errs []error
	for _, text := range f.Account {
		account, err := readAccount(text)
		errs = append(errs, err)
		o.Accounts = append(o.Accounts, account)
	}
	for _, text := range f.Taxpayer {
		taxpayer, err := readTaxpayer(text)
		errs = append(errs, err)
		o.Taxpayers = append(o.Taxpayers, taxpayer)
	}
	for _, text := range f.Grant {
		parts := append(strings.SplitN(text, ":", 3), "", "")
		o.Grants = append(o.Grants, simulator.Grant{From: parts[0], To: parts[1], Scope: parts[2]})
	}
	if f.Faults != "" {
		script, err := os.ReadFile(f.Faults)
		if err == nil {
			o.Faults, err = simulator.ParseFaults(script)
		}
		errs = append(errs, err)
	}
	return o, errors.Join(errs...)
}

// readAccount takes ID:KEYFILE or ID:KEYFILE:NIP.
func readAccount(text string) (simulator.Account, error) {
	parts, key, err := readSecret("account", "ID:KEYFILE[:NIP]", text)
	if err != nil {
		return simulator.Account{}, err
	}
	account := simulator.Account{ID: parts[0], Key: key}
	if len(parts) == 3 {
		account.NIP = parts[2]
	}
	return account, nil
}

// readSecret splits the value of a flag into its two or three parts. The second part names a file.
// readSecret returns the content of the file as the secret, without the end of the line. what and
// form are for errors.
func readSecret(what, form, text string) (parts []string, secret string, err error) {
	parts = strings.Split(text, ":")
	if len(parts) < 2 || len(parts) > 3 {
		return nil, "", fmt.Errorf("read %s %q: not %s", what, text, form)
	}
	raw, err := os.ReadFile(parts[1])
	if err != nil {
		return nil, "", fmt.Errorf("read %s of %q: %w", what, parts[0], err)
	}
	return parts, strings.TrimRight(string(raw), "\r\n"), nil
}

// readTaxpayer reads NIP:BYTES:BYTES:N.
func readTaxpayer(text string) (simulator.Taxpayer, error) {
	parts := strings.Split(text, ":")
	if len(parts) != 4 {
		return simulator.Taxpayer{}, fmt.Errorf("read taxpayer %q: not NIP:BYTES:BYTES:N", text)
	}
	t := simulator.Taxpayer{NIP: parts[0]}
	for i, to := range []*int{&t.MaxInvoice, &t.MaxInvoiceWithAttachment, &t.MaxSessionInvoices} {
		var err error
		if *to, err = strconv.Atoi(parts[i+1]); err != nil {
			return simulator.Taxpayer{}, fmt.Errorf("read taxpayer %q: %q is not a number", text, parts[i+1])
		}
	}
	return t, nil
}
