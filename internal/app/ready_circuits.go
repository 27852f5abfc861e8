package app

import (
	"context"
	"fmt"
	"strings"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ratelimit"
	"ksefworker/internal/retry"
)

// What is out of service is told as detail, each part where it belongs: the host, one tenant's
// group, the part store. It makes no worker unready: to restart it would mend nothing. What only
// this process lacks does.

func silent(s reach) string {
	if s.own {
		return fmt.Sprintf("this process cannot connect since %s; asked again in %s, other workers go on if they can",
			s.Since.UTC().Format(time.RFC3339), s.Wait.Round(time.Second))
	}
	if s.unanswered {
		return fmt.Sprintf("this process gets no proper answer since %s; asked again in %s, other workers go on if they can",
			s.Since.UTC().Format(time.RFC3339), s.Wait.Round(time.Second))
	}
	return fmt.Sprintf("no answer since %s; asked again in %s, nothing is lost meanwhile",
		s.Since.UTC().Format(time.RFC3339), s.Wait.Round(time.Second))
}

func (w *Worker) checkGateway(ctx context.Context) Check {
	c := Check{Name: "gateway", OK: true}
	s, err := w.limits.circuits.state(ctx, ratelimit.Pair{Host: w.limits.host})
	switch {
	case err != nil:
		return Check{Name: "gateway", Detail: err.Error()}
	case s.Phase != ratelimit.CircuitClosed:
		c.Detail = silent(s)
	}
	return c
}

func (w *Worker) checkPartStore(ctx context.Context) Check {
	c := Check{Name: "part store", OK: true}
	told := map[string]bool{}
	for _, t := range w.pool.Config.Tenants {
		host, s, err := w.limits.parts.down(ctx, t.Title())
		if err != nil {
			return Check{Name: c.Name, Detail: err.Error()}
		}
		if host == "" || told[host] || s.Phase == ratelimit.CircuitClosed {
			continue
		}
		if !s.OfHost && !s.own {
			c.Detail += fmt.Sprintf("%s: packages of tenant %s wait, %s; ", host, t.Title(), silent(s))
			continue
		}
		told[host] = true
		c.Detail += fmt.Sprintf("%s: packages wait, %s; ", host, silent(s))
	}
	return c
}

func (w *Worker) checkTenant(ctx context.Context, tenant, nip string, paused bool) Check {
	c := Check{Name: "tenant " + tenant, OK: true}
	if what := wrongNIP(nip); what != "" && w.pool.Config.ChecksNIPs() {
		return Check{Name: c.Name, Detail: what}
	} else if what != "" {
		c.Detail = what + "; "
	}
	if paused {
		c.Detail += "paused by configuration"
		return c
	}
	if held, err := w.pool.Ledger.Holds(ctx); err == nil && held[tenant].Kind != "" {
		c.Detail += fmt.Sprintf("%s by %s since %s: enqueue resume %s ends it; ", held[tenant].Kind, held[tenant].By, held[tenant].Since.Time().UTC().Format(time.RFC3339), tenant)
	}
	if err := w.faults.of(tenant); err != nil {
		return Check{Name: c.Name, Detail: err.Error() + "; other workers take its tasks"}
	}
	u, err := w.limits.store.Usage(ctx, ratelimit.Key{Tenant: tenant, Group: retry.CredentialsGroup}, nil)
	if err == nil && u.Frozen > 0 {
		c.Detail += "credentials refused: put the right key into its key_file, or grant the account the permission that the log names"
		return c
	}
	// A denied tenant's groups rest as they do after a 429, and for another reason.
	known, err := w.pool.Ledger.Tenant(ctx, tenant)
	denied := err == nil && known.Denials > 0
	if denied {
		c.Detail += fmt.Sprintf("KSeF lets nothing of this tenant in (410), %d sessions in a row: its invoices stay queued, the next try is after %s; is the key in its key_file that of another taxpayer? ",
			known.Denials, known.DeniedTill.Time().UTC().Format(time.RFC3339))
	}
	for _, group := range w.limits.limiter.Groups() {
		if group == ratelimit.GroupOther {
			group = string(ksef.GroupPublicKey)
		}
		if u, err := w.limits.limiter.Usage(ctx, tenant, group); err == nil && u.Frozen > 0 && !denied {
			c.Detail += fmt.Sprintf("%s rests for %s after too many requests (429), then resumes gently; ",
				group, u.Frozen.Round(time.Second))
		}
	}
	open, err := w.limits.circuits.open(ctx, w.limits.host)
	if err != nil {
		return c // the gateway's own line says it
	}
	for _, o := range open {
		if o.Tenant == tenant {
			c.Detail += fmt.Sprintf("%s is out of service: %s; ", o.Group, silent(reach{CircuitState: o.CircuitState}))
		}
	}
	here, err := w.limits.circuits.openHere(ctx, w.limits.host)
	if err != nil {
		return c
	}
	for _, o := range here {
		if o.Tenant == tenant {
			c.Detail += fmt.Sprintf("%s: %s; ", o.Group, silent(reach{CircuitState: o.CircuitState, unanswered: true}))
		}
	}
	c.Detail = strings.TrimSuffix(c.Detail, "; ")
	return c
}
