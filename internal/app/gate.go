package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ratelimit"
	"ksefworker/internal/retry"
)

// gate decides about every request of a tenant's client. It checks, in this order, this process's
// own faults, the tenant's pause, the circuits and the limits. The order matters because only a
// request that is sent may use up a place in a window, or be the one request (the probe) with which
// the pool tries an open circuit.
type gate struct {
	*limits
	tenant string
	fault  func() error // why this process cannot send requests for the tenant; nil means no fault
	log    zerolog.Logger
	count  func(group ksef.Group, o ksef.Outcome)
	// keyRefused tells the pool why the tenant is paused.
	keyRefused func(ctx context.Context, why string) error
}

func (g *gate) credentials() ratelimit.Key {
	return ratelimit.Key{Tenant: g.tenant, Group: retry.CredentialsGroup}
}

// asked returns the pair under which the circuits count a request.
func (g *gate) asked(ctx context.Context, group ksef.Group) ratelimit.Pair {
	p := g.pair(g.tenant, string(group))
	if group.OfObject() {
		p.Object = ratelimit.ObjectOf(ctx)
	}
	return p
}

// Enter implements ksef.Gate. Parts are uploaded to a store of their own, whose circuit is checked
// before a session is opened (see [partStore]). The gateway's circuits and limits do not apply to
// these uploads.
func (g *gate) Enter(ctx context.Context, group ksef.Group) error {
	if group == ksef.GroupNone {
		return nil
	}
	if err := g.fault(); err != nil {
		return err
	}
	paused, err := g.store.Usage(ctx, g.credentials(), nil)
	if err != nil {
		return err
	}
	if paused.Frozen > 0 {
		return &ratelimit.NotNow{Wait: paused.Frozen, Reason: ratelimit.ReasonFrozen, Cause: ratelimit.CauseCredentials,
			Key: g.credentials()}
	}
	pair := g.asked(ctx, group)
	if err := g.circuits.allow(ctx, pair); err != nil {
		return g.handed(g.tenant, err)
	}
	if err := g.limiter.Wait(ctx, g.tenant, string(group.Counter())); err != nil {
		g.warn("release the probe", g.circuits.unsent(context.WithoutCancel(ctx), pair))
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
	// The freeze comes first, because the other workers must know of it as soon as possible. This
	// process keeps the freeze even if Redis does not answer now.
	if o.Throttled {
		counter := string(group.Counter())
		d, inARow, err := g.limiter.Throttled(ctx, g.tenant, counter, o.RetryAfter)
		g.warn("freeze a group for the whole pool", err)
		if g.told != nil {
			g.told.throttled(g.tenant)
		}
		g.log.Warn().Str("tenant", g.tenant).Str("group", counter).Stringer("for", d.Round(time.Millisecond)).Int("in_a_row",
			inARow).Stringer("asked", o.RetryAfter).
			Msg("KSeF answered too many requests (429): the group is paused for the whole pool, then resumes slowly")
	}
	// Only an answer pauses a tenant for the pool. When this process could not even send a request,
	// the fault is the process's own.
	if o.Status != 0 && retry.Judge(o.Err).Reason == retry.ReasonCredentials && !mayNotRead(group, o.Status) {
		what, todo := refusedKey(o.Err)
		g.log.Error().Str("tenant", g.tenant).Err(o.Err).Msg(what + ": the tenant is paused; " + todo)
		g.warn("record why a tenant is paused", g.keyRefused(ctx, fmt.Sprintf("%s (%v): %s", what, o.Err, todo)))
		g.warn("pause a tenant", g.store.Freeze(ctx, g.credentials(), retry.CredentialsPause,
			ratelimit.CauseCredentials))
	}
	pair := g.asked(ctx, group)
	switch {
	case o.Outage:
		count := g.circuits.failed
		switch {
		case o.Exhausted:
			count = g.circuits.exhausted
		case o.Unreachable:
			count = g.circuits.unreachable
		}
		g.warn("count an outage", count(ctx, pair))
		s, err := g.circuits.state(ctx, pair)
		if err == nil && s.Phase != ratelimit.CircuitClosed {
			g.outages.goesOn(g.log, pair, s, o.Err)
		}
	case o.Status == 0:
		g.warn("release the probe", g.circuits.unsent(ctx, pair))
	default:
		g.warn("count an answer", g.circuits.answered(ctx, pair))
		g.outages.over(g.log, pair)
	}
}

// refusedKey returns why a tenant is paused, and what a person has to do about it.
func refusedKey(err error) (what, todo string) {
	api, ok := errors.AsType[*ksef.APIError](err)
	switch {
	case ok && api.Advice != "":
		return "login refused by KSeF", "no restart is needed when that is corrected" // the error tells what to do
	case ok && api.MissingPermission() && api.Permissions != "":
		return "permission missing at KSeF", "grant the account of its key " + anyOf(api.Permissions) + "; no restart is needed"
	case ok && api.MissingPermission():
		return "permission missing at KSeF", "grant it to the account of its key; no restart is needed"
	case ok && api.Reason != "":
		return "access refused by KSeF", "remove the reason that KSeF names; no restart is needed"
	}
	return "credentials refused", "put the right credentials into the tenant's files (key_file, token_file or certificate_file); no restart is needed"
}

// anyOf returns a text that names the permissions. Any one of them is enough for KSeF.
func anyOf(permissions string) string {
	if strings.Contains(permissions, ",") {
		return "one of " + permissions
	}
	return permissions
}

// mayNotRead reports whether a key lacks KSeF's permission to read invoices (InvoiceRead). The key
// can still send, so its tenant is not paused as for a wrong key.
func mayNotRead(group ksef.Group, status int) bool {
	return status == http.StatusForbidden && (group == ksef.GroupInvoiceDownload || group == ksef.GroupMetadata)
}

func (g *gate) warn(what string, err error) {
	if err != nil {
		g.log.Warn().Err(err).Msg("cannot " + what)
	}
}
