package tasks

import (
	"context"
	"fmt"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/retry"
)

// personHolds caches for a moment which tenants people have paused or are draining, so that few
// tasks have to ask Redis. Safe for concurrent use.
type personHolds struct {
	*core
	turn chan struct{} // full while a task uses the fields at and all
	at   time.Time
	all  map[string]ledger.Hold
}

func newPersonHolds(c *core) *personHolds { return &personHolds{core: c, turn: make(chan struct{}, 1)} }

const (
	// holdsFresh is how long the holds are cached. Every worker learns of a pause, and of its end,
	// within this time.
	holdsFresh = time.Second
	// pausedFirst and pausedLast are the shortest and the longest pause of a task of a paused
	// tenant.
	pausedFirst = 2 * time.Second
	pausedLast  = 15 * time.Second
)

// paused returns what a person has asked for about the tenant, and reports whether that is a pause.
func (ph *personHolds) paused(ctx context.Context, tenant string) (ledger.Hold, bool, error) {
	select {
	case ph.turn <- struct{}{}:
	case <-ctx.Done():
		return ledger.Hold{}, false, context.Cause(ctx)
	}
	defer func() { <-ph.turn }()
	if now := ph.o.Now(); ph.all == nil || now.Sub(ph.at) >= holdsFresh || now.Before(ph.at) {
		all, err := ph.Ledger.Holds(ctx)
		if err != nil {
			return ledger.Hold{}, false, err
		}
		ph.logHolds(all)
		ph.at, ph.all = now, all
	}
	h, ok := ph.all[tenant]
	return h, ok && h.Kind == ledger.Paused, nil
}

// logHolds logs what people have changed since the holds were read last.
func (ph *personHolds) logHolds(all map[string]ledger.Hold) {
	for tenant, h := range all {
		if before := ph.all[tenant]; before.Kind != h.Kind || before.Since != h.Since {
			ph.o.Log.Warn().Str("tenant", tenant).Str("by", h.By).Str("why", h.Why).Time("since", h.Since.Time()).
				Msg("tenant is " + string(h.Kind) + " because a person asked for it; " + ph.o.Enqueue.Call("resume", tenant) + " ends it")
		}
	}
	for tenant, h := range ph.all {
		if _, still := all[tenant]; !still {
			ph.o.Log.Info().Str("tenant", tenant).Msg("tenant is not " + string(h.Kind) + " any more")
		}
	}
}

// mayBegin returns nil when something new of the tenant may be sent. It is called only for work
// that has not begun. Work that is already on its way is not stopped, because a stop would not take
// back what KSeF has.
func (ph *personHolds) mayBegin(ctx context.Context, tenant string) error {
	h, paused, err := ph.paused(ctx, tenant)
	if err != nil || !paused {
		return err
	}
	return &retry.LaterError{Delay: retry.PollPause(ph.o.Now().Sub(h.Since.Time()), pausedFirst, pausedLast), Reason: retry.ReasonPaused,
		What: fmt.Sprintf("tenant %s was paused by %s: %s", tenant, h.By, ph.o.Enqueue.Call("resume", tenant))}
}
