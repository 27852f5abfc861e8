package app

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"ksefworker/internal/connect"
)

// How long before the end of a certificate the log warns about it, and how often.
const (
	expirySoon      = 30 * 24 * time.Hour
	expiryVerySoon  = 3 * 24 * time.Hour
	expiryTick      = time.Minute
	expiryEvery     = 24 * time.Hour
	expiryEveryLast = time.Hour
)

// expiries watches when the tenants' certificates for the login to KSeF expire. It does not know
// when a token of KSeF or a key of the gateway ends. One goroutine runs it.
type expiries struct {
	credentials map[string]*connect.Credentials
	now         func() time.Time
	log         zerolog.Logger
	logged      map[string]time.Time
}

func newExpiries(c map[string]*connect.Credentials, now func() time.Time, log zerolog.Logger) *expiries {
	return &expiries{credentials: c, now: now, log: log, logged: map[string]time.Time{}}
}

func (e *expiries) run(ctx context.Context, stop <-chan struct{}) {
	every(ctx, expiryTick, stop, func(context.Context) { e.check() })
}

func (e *expiries) check() {
	now := e.now()
	for tenant, c := range e.credentials {
		at, ok := c.Expires()
		if !ok || !expiryDue(at.Sub(now), now.Sub(e.logged[tenant])) {
			continue
		}
		e.logged[tenant] = now
		line := e.log.Warn()
		if at.Sub(now) < expiryVerySoon {
			line = e.log.Error()
		}
		line.Str("tenant", tenant).Time("at", at).Str("in", days(at.Sub(now))).
			Msg("the certificate with which the tenant logs in to KSeF ends: enqueue certificate request gets the next one, " +
				"and no restart is needed")
	}
}

// expiryDue reports whether the log has to warn again about a certificate. left is the time until
// the certificate expires. since is the time since the last warning.
func expiryDue(left, since time.Duration) bool {
	switch {
	case left >= expirySoon:
		return false
	case left >= expiryVerySoon:
		return since >= expiryEvery
	}
	return since >= expiryEveryLast
}

// describeExpiry returns the warning about a certificate that ends soon, "" when none does.
func describeExpiry(c *connect.Credentials, now time.Time) string {
	if c == nil {
		return ""
	}
	at, ok := c.Expires()
	switch left := at.Sub(now); {
	case !ok || left >= expirySoon:
		return ""
	case left <= 0:
		return "its certificate ended on " + at.UTC().Format(time.DateOnly) + ", so KSeF refuses the login"
	default:
		return "its certificate ends in " + days(left)
	}
}

var expiryDesc = prometheus.NewDesc("ksef_credential_expires_seconds",
	"Seconds until the tenant's credential ends, below zero when it has ended. Only certificates (kind certificate) tell their end.",
	[]string{"tenant", "kind"}, nil)

// Describe implements prometheus.Collector.
func (e *expiries) Describe(ch chan<- *prometheus.Desc) { ch <- expiryDesc }

// Collect implements prometheus.Collector.
func (e *expiries) Collect(ch chan<- prometheus.Metric) {
	for tenant, c := range e.credentials {
		if at, ok := c.Expires(); ok {
			gauge(ch, expiryDesc, at.Sub(e.now()).Seconds(), tenant, "certificate")
		}
	}
}
