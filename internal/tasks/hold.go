package tasks

import (
	"context"
	"fmt"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/retry"
)

// personHolds remembers for a moment what people have said about tenants, so that it costs no task a round
// trip. Safe for concurrent use.
type personHolds struct {
	turn chan struct{} // full while somebody reads them
	at   time.Time
	all  map[string]ledger.Hold
}

func newPersonHolds() *personHolds { return &personHolds{turn: make(chan struct{}, 1)} }

const (
	// holdsFresh is how soon every worker knows of a pause, and of its end.
	holdsFresh = time.Second
	// pausedFirst and pausedLast bound the pauses of what could not be sent meanwhile.
	pausedFirst = 2 * time.Second
	pausedLast  = 15 * time.Second
)

// paused tells whether a person has paused the tenant.
func (w *Worker) paused(ctx context.Context, tenant string) (ledger.Hold, bool, error) {
	select {
	case w.holds.turn <- struct{}{}:
	case <-ctx.Done():
		return ledger.Hold{}, false, context.Cause(ctx)
	}
	defer func() { <-w.holds.turn }()
	if now := w.o.Now(); w.holds.all == nil || now.Sub(w.holds.at) >= holdsFresh || now.Before(w.holds.at) {
		all, err := w.Ledger.Holds(ctx)
		if err != nil {
			return ledger.Hold{}, false, err
		}
		w.tellHolds(all)
		w.holds.at, w.holds.all = now, all
	}
	h, ok := w.holds.all[tenant]
	return h, ok && h.Kind == ledger.Paused, nil
}

// tellHolds says in the log what a person has said since the last look.
func (w *Worker) tellHolds(all map[string]ledger.Hold) {
	for tenant, h := range all {
		if before := w.holds.all[tenant]; before.Kind != h.Kind || before.Since != h.Since {
			w.o.Log.Warn().Str("tenant", tenant).Str("by", h.By).Str("why", h.Why).Time("since", h.Since.Time()).
				Msg("tenant is " + string(h.Kind) + " by a person's word: enqueue resume ends it")
		}
	}
	for tenant, h := range w.holds.all {
		if _, still := all[tenant]; !still {
			w.o.Log.Info().Str("tenant", tenant).Msg("tenant is not " + string(h.Kind) + " any more")
		}
	}
}

// mayBegin returns nil when something new of the tenant may be sent. What is on its way already is
// not asked for: to leave it would not take it back.
func (w *Worker) mayBegin(ctx context.Context, tenant string) error {
	h, paused, err := w.paused(ctx, tenant)
	if err != nil || !paused {
		return err
	}
	return &retry.LaterError{Delay: retry.Age(w.o.Now().Sub(h.Since.Time()), pausedFirst, pausedLast), Reason: retry.ReasonPaused,
		What: fmt.Sprintf("tenant %s was paused by %s: enqueue resume %s", tenant, h.By, tenant)}
}
