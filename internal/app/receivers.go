package app

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/config"
	"ksefworker/internal/archive"
	"ksefworker/internal/buildinfo"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/records"
	"ksefworker/internal/results"
	"ksefworker/internal/results/sinks"
	"ksefworker/internal/results/sinks/postgres"
)

// open makes a runner for each receiver of the configuration. It calls none of them.
func (d *deliveries) open() error {
	cfg := d.pool.Config
	r := cfg.Results
	for _, w := range r.Webhooks {
		hook := webhook(cfg, w, d.now)
		d.closers.add("webhook "+w.Name, func(context.Context) error { hook.Close(); return nil })
		// A round may send three batches: new results, results that were held, and results that an
		// earlier round left in the outbox. So a round gets more time than three slow calls take.
		d.add(w.Name, hook, w.Tenants, time.Minute+4*max(w.Timeout, sinks.DefaultTimeout))
		d.runners[len(d.runners)-1].Batch = sinks.WebhookBatch
	}
	for _, s := range r.AllStreams() {
		d.add(s.Name, &sinks.Stream{
			Redis: d.pool.Redis, Key: cfg.Redis.Prefix + s.Key(), Length: int64(s.Length), Keep: s.Keep, Clock: d.clock(),
		}, s.Tenants, 0)
	}
	for _, f := range r.AllFolders() {
		d.add(f.Name, &sinks.Folder{Dir: f.Path, ByDay: f.By == "day", Zone: invoice.Warsaw()}, f.Tenants, 0)
	}
	for _, b := range r.AllDatabases() {
		db, err := database(b, d.log)
		if err != nil {
			return err
		}
		d.closers.add(b.Name, db.Close)
		d.add(b.Name, db, b.Tenants, 0)
	}
	return nil
}

// clock returns the clock that is read before a step that cannot be undone, such as dropping old
// results. It compares Redis's clock with this machine's.
func (d *deliveries) clock() sinks.Clock {
	return sinks.Clock{Pool: d.pool.Ledger.Clock, Machine: d.pool.Now}
}

func webhook(cfg config.Config, w config.Webhook, now func() time.Time) *sinks.Webhook {
	return sinks.NewWebhook(sinks.WebhookOptions{
		URL: w.URL, Secrets: w.Secrets, AllowPrivate: w.AllowPrivate, Timeout: w.Timeout, UserAgent: userAgent(cfg), Now: now,
	})
}

func database(d config.DatabaseReceiver, log zerolog.Logger) (*postgres.Sink, error) {
	return postgres.New(postgres.Options{URL: d.URL, Password: d.Password, Schema: d.Schema, Log: log})
}

func (d *deliveries) add(name string, sink sinks.Sink, tenants []string, round time.Duration) {
	d.runners = append(d.runners, &sinks.Runner{
		Name: name, Sink: sink, Wants: wanted(d.pool.Config, tenants), Round: round, Now: d.pool.Now,
		Log: d.log, Trace: d.pool.Trail.Trace,
		Editor: &sinks.Editor{Ledger: d.pool.Ledger, Environment: string(d.pool.Config.Environment), Document: d.document},
	})
}

func wanted(cfg config.Config, tenants []string) sinks.Wanted {
	known := make(map[string]string, len(cfg.Tenants))
	for _, t := range cfg.Tenants {
		known[t.Title()] = t.NIP
	}
	return sinks.Wanted{Tenants: cfg.Titles(tenants), Known: known}
}

func userAgent(cfg config.Config) string {
	if cfg.Gateway.UserAgent != "" {
		return cfg.Gateway.UserAgent
	}
	return "ksefworker/" + buildinfo.Read().Version
}

// documentTimeout is how long reading the document of one result may take. A result whose document
// cannot be read lacks only the amount.
const documentTimeout = 2 * time.Second

// document returns the document of an invoice, from Redis or from the archive; nil when neither
// gives it now.
func (d *deliveries) document(ctx context.Context, inv *ledger.Invoice) []byte {
	ctx, cancel := context.WithTimeout(ctx, documentTimeout)
	defer cancel()
	if !inv.BodyArchived {
		if doc, err := d.pool.Document(ctx, inv); err == nil {
			return doc
		}
	}
	if archive.HealthOf(d.pool.Store).OutOfService {
		return nil
	}
	if doc, err := (&records.Reader{Store: d.pool.Store}).Document(ctx, results.Of(*inv, "")); err == nil {
		return doc
	}
	doc, err := d.pool.Document(ctx, inv)
	if err != nil {
		return nil
	}
	return doc
}
