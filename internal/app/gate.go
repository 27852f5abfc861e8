package app

import (
	"context"
	"net/http"

	"github.com/rs/zerolog"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ratelimit"
	"ksefworker/internal/retry"
)

// gate stands at the client's one door: the tenant's pause, the host's circuit, the limits, in this order, because what does not leave must not be booked.
type gate struct {
	*limits
	tenant string
	log    zerolog.Logger
	count  func(group ksef.Group, o ksef.Outcome)
}

func (g *gate) credentials() ratelimit.Key {
	return ratelimit.Key{Tenant: g.tenant, Group: retry.CredentialsGroup}
}

// Enter implements ksef.Gate. Uploads of parts go to a store of their own: neither the gateway's circuit nor its limits are about them.
func (g *gate) Enter(ctx context.Context, group ksef.Group) error {
	if group == ksef.GroupNone {
		return nil
	}
	paused, err := g.store.Usage(ctx, g.credentials(), nil)
	if err != nil {
		return err
	}
	if paused.Frozen > 0 {
		return &ratelimit.NotNow{Wait: paused.Frozen, Reason: ratelimit.ReasonFrozen, Key: g.credentials()}
	}
	if err := g.circuit.Allow(ctx, g.host); err != nil {
		return err
	}
	if err := g.limiter.Wait(ctx, g.tenant, string(group)); err != nil {
		g.warn("give the probe back", g.circuit.Release(context.WithoutCancel(ctx), g.host))
		return err
	}
	return nil
}

// Leave implements ksef.Gate.
func (g *gate) Leave(ctx context.Context, group ksef.Group, o ksef.Outcome) {
	g.count(group, o)
	if group == ksef.GroupNone {
		return
	}
	// First: it is what the others have to know soonest, and what holds in this process even if Redis is away just now.
	if o.Throttled {
		d, strikes, err := g.limiter.Throttled(ctx, g.tenant, string(group), o.RetryAfter)
		g.warn("freeze a group for the whole pool", err)
		g.log.Warn().Str("tenant", g.tenant).Str("group", string(group)).Dur("for", d).Int("strikes", strikes).Dur("asked", o.RetryAfter).
			Msg("KSeF says too many requests: the group rests for the whole pool, then resumes gently")
	}
	if retry.Judge(o.Err).Reason == retry.ReasonCredentials && !mayNotRead(group, o.Status) {
		g.log.Error().Str("tenant", g.tenant).Err(o.Err).Msg("credentials refused: the tenant is paused; put the right key into its key_file, no restart is needed")
		g.warn("pause a tenant", g.store.Freeze(ctx, g.credentials(), retry.CredentialsPause))
	}
	switch {
	case o.Outage:
		g.warn("count an outage", g.circuit.Failure(ctx, g.host))
		s, err := g.circuit.State(ctx, g.host)
		if err == nil && s.Phase != ratelimit.CircuitClosed {
			g.outage.goesOn(g.log, o.Err)
		}
	case o.Status == 0:
		g.warn("give the probe back", g.circuit.Release(ctx, g.host))
	default:
		g.warn("count an answer", g.circuit.Success(ctx, g.host))
		g.outage.over(g.log)
	}
}

// mayNotRead tells a key that lacks KSeF's permission to read invoices (InvoiceRead) from one that is wrong: it sends as well as any, so its tenant need not pause.
func mayNotRead(group ksef.Group, status int) bool {
	return status == http.StatusForbidden && (group == ksef.GroupInvoiceDownload || group == ksef.GroupMetadata)
}

func (g *gate) warn(what string, err error) {
	if err != nil {
		g.log.Warn().Err(err).Msg("cannot " + what)
	}
}
