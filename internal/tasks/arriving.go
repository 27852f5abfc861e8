package tasks

import (
	"context"
	"sync"
	"time"

	"ksefworker/internal/ledger"
)

// cutRound has the facts that the decisions about all waiting sets share in one round. A fact that
// is not about one tenant is read once for all tenants. Apart from waits, a fact is read only when
// a decision depends on it.
type cutRound struct {
	now   time.Time
	waits []ledger.Waiting
	probe outageProbe
	onWay func() (map[string]ledger.OnWay, error)
	// arriving returns the tenants that have more invoices in the queues, on their way to a waiting
	// set, as far as the queue can tell. When nothing new has arrived in a set for a while, the
	// only cause may be that every worker was busy with something else. To cut the set at that
	// moment would spend a session on half of an export.
	arriving func() (map[string]bool, error)
}

func (l *laneChooser) cutRound(ctx context.Context, now time.Time) (cutRound, error) {
	waits, err := l.Ledger.Waits(ctx)
	if err != nil {
		return cutRound{}, err
	}
	return cutRound{now: now, waits: waits, probe: l.newOutageProbe(ctx), onWay: l.onWay(ctx),
		arriving: sync.OnceValues(l.Queue.Arriving)}, nil
}
