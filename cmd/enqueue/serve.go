package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/config"
	"ksefworker/internal/actions"
	"ksefworker/internal/connect"
	"ksefworker/internal/httpintake"
	"ksefworker/internal/inquiry"
	"ksefworker/internal/ledger"
	"ksefworker/internal/records"
)

// serveCmd runs the HTTP intake until a signal ends it.
type serveCmd struct{}

func (c *serveCmd) check() error { return nil }

func (c *serveCmd) run(ctx context.Context, p *program) error {
	h := p.cfg.Intake.HTTP
	if h.Addr == "" {
		return &usageError{what: "intake.http.addr is empty", hint: "set the address to listen on, such as 127.0.0.1:8090"}
	}
	log := serveLog(p)
	ignoreHangup(log, "key files and the certificate's files are reread")
	if err := p.trace(ctx, log); err != nil {
		return err
	}
	if err := p.mayTake(ctx); err != nil {
		return err
	}
	fit := &fitness{program: p}
	server, err := p.httpServer(log, fit)
	if err != nil {
		return &usageError{what: err.Error(), hint: "see intake in the configuration"}
	}
	listener, address, err := listen(ctx, h, log)
	if err != nil {
		return err
	}
	p.base.LogArchive(log)
	watching, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() { defer close(ended); fit.watch(watching, log) }()
	defer func() { stop(); <-ended }()
	log.Info().Str("address", address).Int("clients", len(p.cfg.Intake.Clients)).
		Msg("taking invoices in; the interface is described at /v1/docs")
	return serveUntil(ctx, server, listener, p.cfg.Worker.ShutdownTimeout, log)
}

// serveUntil serves until ctx is done, then lets the running calls end.
func serveUntil(ctx context.Context, s *http.Server, l net.Listener, timeout time.Duration, log zerolog.Logger) error {
	failed := make(chan error, 1)
	go func() { failed <- s.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	log.Info().Msg("ending: calls that have begun are answered, no new ones are taken")
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	if err := s.Shutdown(ending); err != nil {
		return errors.Join(fmt.Errorf("some calls had no answer: %w", err), s.Close())
	}
	return nil
}

// mayTake makes sure that this process may take documents in. Redis must not lose data, and must
// allow the commands that the ledger needs. Ledger and archive must belong to this configuration,
// and the names of tenants must mean the same taxpayers as in the ledger. Documents must be sealed
// with the pool's key. When all this is so, mayTake announces this process to the pool.
func (p *program) mayTake(ctx context.Context) error {
	if err := p.base.CheckDurable(ctx); err != nil {
		if volatile, ok := errors.AsType[*connect.VolatileError](err); ok {
			return &usageError{what: volatile.Error()}
		}
		return err
	}
	claimed := errors.Join(p.base.Claim(ctx), p.base.CheckTaxpayers(ctx), p.base.CheckRights(ctx))
	_, refused := p.base.ClaimArchive(ctx)
	if err := asUsage(errors.Join(claimed, refused)); err != nil {
		return err
	}
	if err := p.declareStorage(ctx); err != nil {
		return err
	}
	p.announce(ctx)
	return nil
}

// httpServer makes the server from the configuration.
func (p *program) httpServer(log zerolog.Logger, fit *fitness) (*http.Server, error) {
	cfg := p.cfg
	admitter := p.base.Admitter()
	waits, err := p.waitingReader()
	if err != nil {
		return nil, err
	}
	reader := &inquiry.Reader{
		Ledger: p.base.Ledger, Environment: string(cfg.Environment), Waits: waits,
		Unexplained: func(err error) { log.Warn().Err(err).Msg("the reasons of waits cannot be found out") },
		Unread: func(u ledger.Unreadable) {
			log.Warn().Str("id", u.ID).Err(u.Err).Msg("entry left out: it cannot be read")
		},
	}
	documents, err := p.base.Documents()
	if err != nil {
		return nil, err
	}
	archived := &records.Reader{Store: p.base.Store, Unread: func(name string, err error) {
		log.Warn().Str("name", name).Err(err).Msg("object in the archive cannot be used")
	}}
	o := httpintake.Options{
		Generator: documents, PDF: pdfOf(documents),
		Admitter: admitter, Ledger: p.base.Ledger, Inquiry: reader,
		Actions: &actions.Executor{Ledger: p.base.Ledger, Queue: p.base.Queue, Inquiry: reader, Audit: p.base.Audit("http"),
			Archive: archived, Trail: p.base.Trail},
		Trace:        p.base.Trail.Trace,
		Records:      archived,
		ArchiveThere: func(ctx context.Context) error { return connect.CheckArchive(ctx, p.base) },
		Room: func(ctx context.Context) error {
			m, err := p.base.Ledger.Memory(ctx)
			if err != nil {
				return err
			}
			return m.Room(cfg.Redis.IntakeShare())
		},
		Document: p.base.Document, Fit: fit.now, RecordRefusals: cfg.Ledger.Refusals > 0, Log: log, Now: time.Now,
		Limits: httpintake.Limits{
			Body: int64(cfg.Intake.HTTP.MaxBody), Document: cfg.LargestInvoice(), Documents: cfg.Intake.HTTP.MaxDocuments,
			PerSecond: cfg.Intake.HTTP.RequestsPerSecond, Parallel: cfg.Intake.HTTP.Parallel, TempDir: cfg.Intake.HTTP.TempDir,
		},
	}
	for _, c := range cfg.Intake.Clients {
		o.Clients = append(o.Clients, httpintake.Client{Name: c.Name, KeyFile: c.KeyFile, Keys: c.Keys, Tenants: titlesOf(cfg, c.Tenants)})
	}
	s, err := httpintake.New(o)
	if err != nil {
		return nil, err
	}
	return s.HTTP(), nil
}

// pdfOf lets the gateway make the PDF of an invoice.
func pdfOf(d *connect.Documents) httpintake.PDF {
	return func(ctx context.Context, inv *ledger.Invoice, document []byte, language string) ([]byte, error) {
		pdf, err := d.PDF(ctx, inv.Tenant, inv.KsefNumber, inv.Offline || inv.KsefNumber == "", document, language)
		if errors.Is(err, connect.ErrNoPDF) {
			return nil, &httpintake.NoPDFError{}
		}
		if refused, ok := errors.AsType[*connect.RefusedPDFError](err); ok {
			return nil, &httpintake.NoPDFError{Why: refused.Why}
		}
		return pdf, err
	}
}

// titlesOf returns the names of tenants that are given by name or NIP.
func titlesOf(cfg config.Config, names []string) []string {
	var out []string
	for _, name := range names {
		for _, t := range cfg.TenantsNamed(name) {
			out = append(out, t.Title())
		}
	}
	return out
}

// serveLog returns the log of the server. It writes to standard error; the configuration sets its
// level and format.
func serveLog(p *program) zerolog.Logger {
	level, err := zerolog.ParseLevel(p.cfg.Log.Level)
	if err != nil {
		level = zerolog.InfoLevel // config has checked it
	}
	out := zerolog.SyncWriter(p.stderr)
	if p.cfg.Log.Format == "console" {
		return zerolog.New(zerolog.ConsoleWriter{Out: out, TimeFormat: time.DateTime}).Level(level).With().Timestamp().Logger()
	}
	return zerolog.New(out).Level(level).With().Timestamp().Logger()
}

// fitness watches whether invoices may be taken in. After a failover, Redis may be a server that
// does not keep its data safely. After a purge, the ledger may belong to another environment.
type fitness struct {
	program *program
	why     atomic.Pointer[error]
	// strangers are the tenants whose name means another taxpayer in the ledger.
	strangers atomic.Pointer[map[string]connect.Stranger]
}

// stranger reports whether the name of a tenant means another taxpayer in the ledger.
func (f *fitness) stranger(tenant string) bool {
	found := f.strangers.Load()
	if found == nil {
		return false
	}
	_, is := (*found)[tenant]
	return is
}

// noteStrangers keeps the tenants whose names mean other taxpayers, and logs each that is new.
func (f *fitness) noteStrangers(ctx context.Context, log zerolog.Logger) {
	found, err := f.program.base.Strangers(ctx)
	if err != nil {
		return // Redis does not answer, which is logged elsewhere
	}
	for tenant, s := range found {
		if !f.stranger(tenant) {
			log.Error().Err(s.Err).Str("tenant", tenant).Msg("nothing of this tenant is taken in or shown: its name means another taxpayer")
		}
	}
	f.strangers.Store(&found)
}

// fitEvery is how often the state of the pool is asked for.
const fitEvery = 5 * time.Second

// now returns why nothing may be taken in; nil when all is well.
func (f *fitness) now() error {
	if why := f.why.Load(); why != nil {
		return *why
	}
	return nil
}

func (f *fitness) watch(ctx context.Context, log zerolog.Logger) {
	tick := time.NewTicker(fitEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		bounded, cancel := context.WithTimeout(ctx, fitEvery)
		base := f.program.base
		err := errors.Join(base.CheckDurable(bounded), base.CheckHome(bounded), base.CheckRights(bounded), base.DeclareStorage(bounded))
		f.noteStrangers(bounded, log)
		cancel()
		if ctx.Err() != nil {
			return
		}
		was := f.now()
		switch {
		case err != nil:
			f.why.Store(&err)
			if was == nil {
				log.Error().Err(err).Msg("nothing is taken in until this has ended")
			}
		case was != nil:
			f.why.Store(nil)
			log.Info().Msg("invoices are taken in again")
		}
	}
}
