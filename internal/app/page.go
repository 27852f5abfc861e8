package app

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/config"
	"ksefworker/internal/actions"
	"ksefworker/internal/connect"
	"ksefworker/internal/figures"
	"ksefworker/internal/inquiry"
	"ksefworker/internal/ledger"
	"ksefworker/internal/page"
	"ksefworker/internal/ratelimit"
	"ksefworker/internal/records"
	"ksefworker/internal/report"
	"ksefworker/internal/results/sinks"
	"ksefworker/internal/tasks"
	"ksefworker/internal/tracing"
)

// poolAge is the maximum age of the figures in the page's overview.
const poolAge = 10 * time.Second

// addPage adds the business page if somebody can log in, or if only this machine can reach it.
func (w *Worker) addPage(o *httpOptions) error {
	cfg := w.pool.Config
	accounts, err := cfg.Accounts()
	if err != nil {
		return err
	}
	signIn, err := newSignIn(cfg, w.pool.Now, w.log)
	if err != nil {
		return err
	}
	people := len(accounts) > 0 || signIn != nil
	if !people && !cfg.HTTP.Loopback() {
		return nil
	}
	options, err := w.pageOptions()
	if err != nil {
		return err
	}
	for _, a := range accounts {
		options.Users = append(options.Users, page.User{Name: a.Name, Tenants: a.Tenants, Operator: a.Role == config.Operator,
			Check: a.Check, Seal: a.Seal})
	}
	options.Throttle = o.Throttle
	options.Secure, options.Public = o.secure(), o.Public
	if options.SignIn = signIn; signIn != nil {
		w.pages.add("provider of logins", func(context.Context) error { signIn.Provider.Close(); return nil })
	}
	if o.Dashboard != nil {
		options.Tasks = o.Dashboard.RootPath()
	}
	o.Page, o.Users = page.New(options), people
	return nil
}

// pageOptions returns the options that do not depend on who logs in.
func (w *Worker) pageOptions() (page.Options, error) {
	p := w.pool
	cfg := p.Config
	waits, err := p.Waiting()
	if err != nil {
		return page.Options{}, err
	}
	unread := func(u ledger.Unreadable) {
		w.log.Warn().Err(u.Err).Str("id", u.ID).Msg("the page leaves out an entry that cannot be read")
	}
	reader := &inquiry.Reader{Ledger: p.Ledger, Environment: string(cfg.Environment), Waits: waits, Unread: unread,
		Unexplained: func(err error) { w.log.Warn().Err(err).Msg("the page cannot say what invoices wait for") }}
	archive := &records.Reader{Store: p.Store, Unread: func(name string, err error) {
		w.log.Warn().Err(err).Str("object", name).Msg("the page leaves out an object of the archive that cannot be used")
	}}
	pool := w.poolReader()
	recorder := p.Audit("page")
	documents, err := p.Documents()
	if err != nil {
		return page.Options{}, err
	}
	o := page.Options{
		ReadOnly: cfg.HTTP.Dashboard.ReadOnly, Environment: string(cfg.Environment), Warn: cfg.Deadlines.Warn,
		Retention: cfg.Ledger.Retention,
		Pool:      newCached(poolAge, p.Now, pool.Read).get, Inquiry: reader, Ledger: p.Ledger, Limits: pageLimits{w.limits},
		Figures: figures.New(p.Redis, cfg.Redis.Prefix), Records: archive, Document: p.Document,
		Report:  &report.Sources{Archive: archive, Ledger: p.Ledger, Document: p.Document, Unread: unread},
		Actions: &actions.Executor{Ledger: p.Ledger, Queue: p.Queue, Inquiry: reader, Archive: archive, Audit: recorder, Trail: p.Trail},
		PDF:     pdfOf(documents), TraceID: tracing.IDText,
		Outbox: p.Ledger,
		Resend: &actions.Receivers{Admin: sinks.Admin{Ledger: p.Ledger, Wait: receiverWait}, Audit: recorder},
		Audit:  recorder, Sessions: page.NewSessions(p.Redis, cfg.Redis.Prefix), Log: w.log, Now: p.Now,
	}
	for _, t := range cfg.Tenants {
		o.Tenants = append(o.Tenants, page.Tenant{Name: t.Title(), NIP: t.NIP, Paused: t.Paused, PDF: t.Way() == config.GatewayTransport})
	}
	o.Strangers = w.pageStrangers
	o.Receivers = receiversOf(cfg)
	return o, nil
}

// pageStrangers lists, for the page, the tenants whose name stands for a different taxpayer in the
// ledger.
func (w *Worker) pageStrangers(ctx context.Context) []page.Stranger {
	var all []page.Stranger
	for name, s := range w.redis.strangersNow(ctx) {
		all = append(all, page.Stranger{Name: name, NIP: s.NIP, Means: s.Means})
	}
	slices.SortFunc(all, func(a, b page.Stranger) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// poolReader returns the reader of the state of the whole pool.
func (w *Worker) poolReader() *page.PoolReader {
	p := w.pool
	return &page.PoolReader{Ledger: w.shown, Inquiry: &inquiry.Reader{Ledger: p.Ledger, Environment: string(p.Config.Environment)},
		Waits: w.overview.get, Workers: p.Queue, Warn: p.Config.Deadlines.Warn}
}

// pageLimits show the page what is left of the limits.
type pageLimits struct{ l *limits }

func (p pageLimits) Usage(ctx context.Context, tenant, group string) (ratelimit.Usage, error) {
	return p.l.limiter.Usage(ctx, tenant, group)
}

func (p pageLimits) Usages(ctx context.Context) (map[ratelimit.Key]ratelimit.Usage, error) {
	return p.l.usages.get(ctx)
}

// countTime bounds the counting of outcomes, because a task must not wait for figures.
const countTime = 2 * time.Second

// countDecided returns the function that counts decided invoices for the page's charts.
func countDecided(pool *connect.Pool, log zerolog.Logger) func(context.Context, []tasks.Decided) {
	store := figures.New(pool.Redis, pool.Config.Redis.Prefix)
	return func(ctx context.Context, all []tasks.Decided) {
		outcomes := make([]figures.Outcome, len(all))
		for i, d := range all {
			outcomes[i] = figures.Outcome{Tenant: d.Tenant, State: string(d.State), At: d.At, Took: d.Took}
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), countTime)
		defer cancel()
		err := store.Count(ctx, outcomes)
		switch {
		case ledger.IsFull(err): // a full Redis is reported elsewhere, and figures are not worth the memory
		case err != nil:
			log.Warn().Err(err).Int("invoices", len(all)).Msg("outcomes are not in the figures of the page; ledger and archive have them")
		}
	}
}
