package app

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"ksefworker/config"
	"ksefworker/internal/connect"
	"ksefworker/internal/ksef/direct"
	"ksefworker/internal/ratelimit"
)

// A worker asks KSeF for the limits of a tenant at start, once a day, and after a 429, which may
// mean that the limits were lowered. If KSeF gives no answer, the worker asks again after
// limitsFirstRetry, and then after pauses that double up to limitsLastRetry. It does not ask more
// often, because KSeF counts these requests like any other.
const (
	limitsEvery      = 24 * time.Hour
	limitsAfter429   = 10 * time.Minute // at most once in this time
	limitsFirstRetry = time.Minute
	limitsLastRetry  = time.Hour
	limitsTick       = 10 * time.Second
)

// toldLimits keeps the limiter's tables of the tenants with transport direct up to date with the
// limits that KSeF tells. The pool shares the windows, but not these tables. So each process reads
// the limits for itself and applies them to the requests that it books. Safe for concurrent use.
type toldLimits struct {
	cfg      config.Config
	accounts map[string]direct.Account
	limiter  *ratelimit.Limiter
	now      func() time.Time
	log      zerolog.Logger

	mu      sync.Mutex
	tenants map[string]*told
}

// told is what is known about one tenant. The zero value is due now.
type told struct {
	due, asked, read time.Time
	pause            time.Duration
	stricter         []string        // groups in which the configuration is stricter than KSeF
	groups           map[string]bool // groups whose limits KSeF has told
	sessions         int             // invoices in a batch session; 0: not told
}

func newToldLimits(cfg config.Config, accounts map[string]direct.Account, l *ratelimit.Limiter, now func() time.Time,
	log zerolog.Logger) *toldLimits {
	t := &toldLimits{cfg: cfg, accounts: accounts, limiter: l, now: now, log: log, tenants: map[string]*told{}}
	for tenant := range accounts {
		t.tenants[tenant] = &told{}
	}
	return t
}

// throttled is called after a 429. It makes the tenant's limits due, but not before limitsAfter429
// has passed since they were last asked for.
func (t *toldLimits) throttled(tenant string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if k := t.tenants[tenant]; k != nil {
		if next := k.asked.Add(limitsAfter429); next.Before(k.due) {
			k.due = next
		}
	}
}

// run asks KSeF for the limits of each tenant that is due, until stop is closed. A slow answer
// about one tenant does not delay the others.
func (t *toldLimits) run(ctx context.Context, stop <-chan struct{}) {
	if len(t.accounts) == 0 {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	var asking sync.WaitGroup
	defer asking.Wait()
	defer cancel()
	every(ctx, limitsTick, stop, func(context.Context) {
		for tenant := range t.accounts {
			if t.begin(tenant) {
				asking.Go(func() { t.ask(ctx, tenant) })
			}
		}
	})
}

// begin reports whether a tenant is due. If so, begin sets when the tenant is due next.
func (t *toldLimits) begin(tenant string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	k, now := t.tenants[tenant], t.now()
	if now.Before(k.due) {
		return false
	}
	k.asked = now
	k.pause = min(max(2*k.pause, limitsFirstRetry), limitsLastRetry)
	k.due = k.asked.Add(k.pause)
	return true
}

// ask reads the limits of a tenant. Without an answer the limits stay as they are.
func (t *toldLimits) ask(ctx context.Context, tenant string) {
	rates, err := t.accounts[tenant].RateLimits(ctx)
	if err != nil {
		t.log.Warn().Str("tenant", tenant).Err(err).
			Msg("KSeF's limits of the tenant were not read: the limits of the configuration, or of the last answer, stay in force")
		return
	}
	table, stricter := connect.LimitsTold(t.cfg, tenant, rates)
	if err := t.limiter.SetTenant(tenant, table); err != nil {
		t.log.Warn().Str("tenant", tenant).Err(err).Msg("the limits that KSeF tells of the tenant cannot be applied")
		return
	}
	session, err := t.accounts[tenant].ContextLimits(ctx)
	if err != nil {
		t.log.Warn().Str("tenant", tenant).Err(err).Msg("KSeF's bounds of the tenant's sessions not read")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	k := t.tenants[tenant]
	k.read, k.pause, k.stricter, k.groups = t.now(), 0, stricter, map[string]bool{}
	k.due = k.read.Add(limitsEvery)
	for group := range rates {
		k.groups[group] = true
	}
	if err == nil {
		k.sessions = session.Batch.MaxInvoices
	}
}

// sessionInvoices returns how many invoices a session of the tenant takes. KSeF tells this number,
// but a lower one of the configuration wins.
func (t *toldLimits) sessionInvoices(tenant config.Tenant) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := t.tenants[tenant.Title()]
	switch {
	case k == nil || k.sessions <= 0:
		return tenant.SessionInvoices()
	case tenant.MaxSessionInvoices > 0:
		return min(tenant.MaxSessionInvoices, k.sessions)
	}
	return k.sessions
}

// describe returns a text that says where a tenant's limits come from. It returns "" for a tenant
// of the gateway, which tells no limits.
func (t *toldLimits) describe(tenant string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := t.tenants[tenant]
	switch {
	case k == nil:
		return ""
	case k.read.IsZero():
		return "limits of the configuration: KSeF has not told its own yet"
	case len(k.stricter) > 0:
		return fmt.Sprintf("limits of KSeF, read %s; of the configuration, which is stricter: %s",
			k.read.UTC().Format(time.RFC3339), strings.Join(k.stricter, ", "))
	}
	return "limits of KSeF, read " + k.read.UTC().Format(time.RFC3339)
}

var (
	limitReadDesc = prometheus.NewDesc("ksef_limits_read_timestamp_seconds",
		"When this process last read the tenant's limits from KSeF itself, in seconds since 1970; 0 when it has not yet.",
		[]string{"tenant"}, nil)
	limitSourceDesc = prometheus.NewDesc("ksef_limit_source",
		"1; source says whose limit holds: ksef, or config where KSeF has told none or the configuration is stricter. "+
			"Left out when more than http.tenant_series tenants go straight to KSeF.",
		[]string{"tenant", "group", "source"}, nil)
)

// Describe implements prometheus.Collector.
func (t *toldLimits) Describe(ch chan<- *prometheus.Desc) {
	ch <- limitReadDesc
	ch <- limitSourceDesc
}

// Collect implements prometheus.Collector.
func (t *toldLimits) Collect(ch chan<- prometheus.Metric) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for tenant, k := range t.tenants {
		read := 0.0
		if !k.read.IsZero() {
			read = float64(k.read.Unix())
		}
		gauge(ch, limitReadDesc, read, tenant)
		if len(t.tenants) > t.cfg.HTTP.TenantSeries {
			continue
		}
		fromFile := map[string]bool{}
		for _, group := range k.stricter {
			fromFile[group] = true
		}
		for _, group := range t.limiter.Groups() {
			source := "ksef"
			if !k.groups[group] || fromFile[group] {
				source = "config"
			}
			gauge(ch, limitSourceDesc, 1, tenant, group, source)
		}
	}
}
