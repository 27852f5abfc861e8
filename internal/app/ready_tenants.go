package app

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/ratelimit"
	"ksefworker/internal/retry"
)

// tenantFacts is what readiness knows of the tenants. It is read once for all of them. Facts that
// cannot be read are left out, because the checks of Redis and of the gateway show the error.
type tenantFacts struct {
	holds  map[string]ledger.Hold
	usages usages
	known  map[string]ledger.Tenant // tenants that have a frozen group
	open   map[string][]ratelimit.OpenCircuit
	here   map[string][]ratelimit.OpenCircuit // circuits of this process alone
}

func (w readiness) tenantFacts(ctx context.Context) tenantFacts {
	f := tenantFacts{
		known: map[string]ledger.Tenant{}, open: map[string][]ratelimit.OpenCircuit{}, here: map[string][]ratelimit.OpenCircuit{},
	}
	f.holds, _ = w.pool.Ledger.Holds(ctx)
	f.usages, _ = w.limits.usages.get(ctx)
	for k, u := range f.usages {
		if _, read := f.known[k.Tenant]; u.Frozen > 0 && !read {
			f.known[k.Tenant], _ = w.pool.Ledger.Tenant(ctx, k.Tenant)
		}
	}
	for _, host := range w.limits.hosts.all() {
		open, err := w.limits.circuits.open(ctx, host)
		if err != nil {
			return f
		}
		for _, o := range open {
			if w.limits.hosts.of(o.Tenant) == host { // the tenant may have used another host before
				f.open[o.Tenant] = append(f.open[o.Tenant], o)
			}
		}
		here, err := w.limits.circuits.openHere(ctx, host)
		if err != nil {
			return f
		}
		for _, o := range here {
			if w.limits.hosts.of(o.Tenant) == host {
				f.here[o.Tenant] = append(f.here[o.Tenant], o)
			}
		}
	}
	return f
}

// checkTenant shows why a tenant's invoices wait. Only two of the reasons make the worker unready.
// One is a NIP with a wrong check digit, where check digits are verified. The other is a fault of
// the tenant in this process.
func (w readiness) checkTenant(read func() tenantFacts, tenant, nip string, paused bool) Check {
	c := Check{Name: "tenant " + tenant, OK: true}
	if mistake := wrongNIP(nip); mistake != "" && w.pool.Config.ChecksNIPs() {
		return Check{Name: c.Name, Detail: mistake}
	} else if mistake != "" {
		c.Detail = mistake + "; "
	}
	if s, stranger := w.redis.lastStrangers()[tenant]; stranger {
		c.Detail += s.Err.Error() + "; until then nothing of it is sent, shown or told to receivers here"
		return c
	}
	if paused {
		c.Detail += "paused by configuration"
		return c
	}
	f := read()
	if hold := f.holds[tenant]; hold.Kind != "" {
		c.Detail += fmt.Sprintf("%s by %s since %s: %s ends it; ",
			hold.Kind, hold.By, hold.Since.Time().UTC().Format(time.RFC3339), w.pool.Enqueue().Call("resume", tenant))
	}
	if err := w.faults.of(tenant); err != nil {
		return Check{Name: c.Name, Detail: err.Error() + "; other workers take its tasks"}
	}
	known := f.known[tenant]
	if f.usages[ratelimit.Key{Tenant: tenant, Group: retry.CredentialsGroup}].Frozen > 0 {
		c.Detail += cmp.Or(known.KeyRefused,
			"credentials refused: put the right ones into "+w.faults.files[tenant]+", or grant the permission that the log names")
		return c
	}
	if known.Denials > 0 {
		c.Detail += fmt.Sprintf("KSeF has refused every invoice of this tenant (410), sessions in a row: %d: "+
			"its invoices stay queued, the next try is after %s; do its credentials (%s) belong to another taxpayer, "+
			"or did the sellers in whose name it issues invoices not grant it permission? ",
			known.Denials, known.DeniedTill.Time().UTC().Format(time.RFC3339), w.faults.files[tenant])
	}
	for _, group := range w.limits.shownGroups() {
		if u := f.usages[ratelimit.Key{Tenant: tenant, Group: group}]; u.Frozen > 0 {
			c.Detail += describeFreeze(group, u, known.Denials > 0)
		}
	}
	for _, o := range f.open[tenant] {
		c.Detail += fmt.Sprintf("%s is out of service: %s; ", o.Group, describeOutage(reach{CircuitState: o.CircuitState}))
	}
	for _, o := range f.here[tenant] {
		c.Detail += fmt.Sprintf("%s: %s; ", o.Group, describeOutage(reach{CircuitState: o.CircuitState, unanswered: true}))
	}
	for _, more := range []string{describeExpiry(w.faults.credentials[tenant], w.pool.Now()), w.told.describe(tenant)} {
		if more != "" {
			c.Detail += more + "; "
		}
	}
	c.Detail = strings.TrimSuffix(c.Detail, "; ")
	return c
}

// describeFreeze returns a text that says why a group is frozen. denied is true when the 410s of
// the tenant are described already. Then only a freeze after a 429 is described, because every
// other freeze comes from these 410s. A freeze that an older worker recorded has no cause.
func describeFreeze(group string, u ratelimit.Usage, denied bool) string {
	left := u.Frozen.Round(time.Second)
	switch {
	case u.Cause == ratelimit.CauseThrottled:
		return fmt.Sprintf("%s is paused for %s after too many requests (429), then resumes slowly; ", group, left)
	case denied:
		return ""
	case u.Cause == ratelimit.CauseDenied:
		return fmt.Sprintf("%s is paused for %s, because KSeF refused everything of the tenant (410), then resumes slowly; ", group, left)
	}
	return fmt.Sprintf("%s is paused for %s, because KSeF asked to wait, then resumes slowly; ", group, left)
}
