package app

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"ksefworker/internal/connect"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ratelimit"
	"ksefworker/internal/retry"
)

// The details of /readyz name what is out of service: the host, one tenant's group, the part store.
// This makes no worker unready, because a restart would not help. Faults of this process alone do.

// describeOutage returns since when nothing answers, and when the next request tries again.
func describeOutage(s reach) string {
	since, next := s.Since.UTC().Format(time.RFC3339), "next try in "+s.Wait.Round(time.Second).String()
	if s.Wait <= 0 {
		next = "the next request that is due tries"
	}
	switch {
	case s.own:
		return fmt.Sprintf("this process has not been able to connect since %s; %s, "+
			"other workers go on if they can", since, next)
	case s.unanswered:
		return fmt.Sprintf("this process has had no proper answer since %s; %s, "+
			"other workers go on if they can", since, next)
	}
	return fmt.Sprintf("no answer since %s; %s, nothing is lost meanwhile", since, next)
}

// notReadable says that Redis, and not what is checked, is why its state is not known. Whether this
// makes the worker unready is up to the check of Redis itself.
func notReadable(err error) string {
	return "its state cannot be read from redis, see there: " + connect.Explain(err)
}

// checkHosts shows which of the hosts is out of service. The check keeps the name that it had when
// there was one host.
func (w *Worker) checkHosts(ctx context.Context) Check {
	c := Check{Name: "gateway", OK: true}
	hosts := w.limits.hosts.all()
	for _, host := range hosts {
		s, err := w.limits.circuits.state(ctx, ratelimit.Pair{Host: host})
		switch {
		case err != nil:
			c.Detail = notReadable(err)
			return c
		case s.Phase == ratelimit.CircuitClosed:
			continue
		}
		if c.Detail != "" {
			c.Detail += "; "
		}
		if len(hosts) > 1 {
			c.Detail += host + ": "
		}
		c.Detail += describeOutage(s)
	}
	return c
}

func (w *Worker) checkPartStore(ctx context.Context) Check {
	c := Check{Name: "part store", OK: true}
	shown := map[string]bool{}
	for _, t := range w.pool.Config.Tenants {
		host, s, err := w.limits.parts.down(ctx, t.Title())
		if err != nil {
			c.Detail = notReadable(err)
			return c
		}
		if host == "" || shown[host] || s.Phase == ratelimit.CircuitClosed {
			continue
		}
		if !s.OfHost && !s.own {
			c.Detail += fmt.Sprintf("%s: packages of tenant %s wait, %s; ", host, t.Title(), describeOutage(s))
			continue
		}
		shown[host] = true
		c.Detail += fmt.Sprintf("%s: packages wait, %s; ", host, describeOutage(s))
	}
	return c
}

// checkTenant shows why a tenant's invoices wait. Only a wrong NIP in production and a fault of
// this process make the worker unready.
func (w *Worker) checkTenant(ctx context.Context, tenant, nip string, paused bool) Check {
	c := Check{Name: "tenant " + tenant, OK: true}
	if mistake := wrongNIP(nip); mistake != "" && w.pool.Config.ChecksNIPs() {
		return Check{Name: c.Name, Detail: mistake}
	} else if mistake != "" {
		c.Detail = mistake + "; "
	}
	if paused {
		c.Detail += "paused by configuration"
		return c
	}
	if holds, err := w.pool.Ledger.Holds(ctx); err == nil && holds[tenant].Kind != "" {
		hold := holds[tenant]
		c.Detail += fmt.Sprintf("%s by %s since %s: %s ends it; ",
			hold.Kind, hold.By, hold.Since.Time().UTC().Format(time.RFC3339), w.pool.Enqueue().Call("resume", tenant))
	}
	if err := w.faults.of(tenant); err != nil {
		return Check{Name: c.Name, Detail: err.Error() + "; other workers take its tasks"}
	}
	known, err := w.pool.Ledger.Tenant(ctx, tenant)
	u, failed := w.limits.store.Usage(ctx, ratelimit.Key{Tenant: tenant, Group: retry.CredentialsGroup}, nil)
	if failed == nil && u.Frozen > 0 {
		c.Detail += cmp.Or(known.KeyRefused,
			"credentials refused: put the right ones into "+w.faults.files[tenant]+", or grant the permission that the log names")
		return c
	}
	// The groups of a denied tenant are frozen as after a 429, but for another reason.
	denied := err == nil && known.Denials > 0
	if denied {
		c.Detail += fmt.Sprintf("KSeF has refused every invoice of this tenant (410), %d sessions in a row: "+
			"its invoices stay queued, the next try is after %s; do its credentials (%s) belong to another taxpayer? ",
			known.Denials, known.DeniedTill.Time().UTC().Format(time.RFC3339), w.faults.files[tenant])
	}
	for _, group := range w.limits.limiter.Groups() {
		if group == ratelimit.GroupOther {
			group = string(ksef.GroupPublicKey)
		}
		if u, err := w.limits.limiter.Usage(ctx, tenant, group); err == nil && u.Frozen > 0 && !denied {
			c.Detail += fmt.Sprintf("%s is paused for %s after too many requests (429), then resumes slowly; ",
				group, u.Frozen.Round(time.Second))
		}
	}
	open, err := w.limits.circuits.open(ctx, w.limits.hosts.of(tenant))
	if err != nil {
		return c // the gateway's own check shows the error
	}
	for _, o := range open {
		if o.Tenant == tenant {
			c.Detail += fmt.Sprintf("%s is out of service: %s; ", o.Group, describeOutage(reach{CircuitState: o.CircuitState}))
		}
	}
	here, err := w.limits.circuits.openHere(ctx, w.limits.hosts.of(tenant))
	if err != nil {
		return c
	}
	for _, o := range here {
		if o.Tenant == tenant {
			c.Detail += fmt.Sprintf("%s: %s; ", o.Group, describeOutage(reach{CircuitState: o.CircuitState, unanswered: true}))
		}
	}
	for _, more := range []string{describeExpiry(w.faults.credentials[tenant], w.pool.Now()), w.told.describe(tenant)} {
		if more != "" {
			c.Detail += more + "; "
		}
	}
	c.Detail = strings.TrimSuffix(c.Detail, "; ")
	return c
}
