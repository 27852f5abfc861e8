package httpintake

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"
)

const (
	// batches is how many large calls of each kind a server reads at the same time. Each holds up
	// to 50 MB of documents in memory while it is read (see package intake). batchesOfOne is how
	// many such calls one client may have, so that one client alone never takes all places.
	batches      = 4
	batchesOfOne = 2
	// batchWait is how long a large call waits for its turn.
	batchWait = 20 * time.Second
)

// turns is a kind of large calls. Each kind has places of its own.
type turns int

const (
	// plain calls need nobody but this server.
	plain turns = iota
	// converted calls hold invoices that are JSON. They may wait for the gateway, and plain calls
	// must not wait with them.
	converted
	kindsOfTurns
)

// places are the places for large calls, for each kind.
type places [kindsOfTurns]*semaphore.Weighted

func newPlaces(of int64) (p places) {
	for kind := range p {
		p[kind] = semaphore.NewWeighted(of)
	}
	return p
}

// gates keep each client within its rate and its number of calls at the same time.
type gates struct {
	limits  Limits
	now     func() time.Time
	batches places

	mu  sync.Mutex
	all map[*client]*gate
}

type gate struct {
	rate     *rate.Limiter
	inFlight int
	batches  places
}

func newGates(o Options) *gates {
	return &gates{limits: o.Limits, now: o.Now, batches: newPlaces(batches), all: map[*client]*gate{}}
}

func (g *gates) of(c *client) *gate {
	one := g.all[c]
	if one == nil {
		n := g.limits.PerSecond
		one = &gate{rate: rate.NewLimiter(rate.Limit(n), 2*n), batches: newPlaces(batchesOfOne)}
		g.all[c] = one
	}
	return one
}

// enter lets a call in; the caller calls done at its end.
func (g *gates) enter(c *client) (done func(), err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	one, now := g.of(c), g.now()
	if one.inFlight >= g.limits.Parallel {
		return nil, &problem{kind: tooMany, after: time.Second, detail: text{
			en: "too many calls of this client are served at the same time", pl: "zbyt wiele wywołań tego klienta jednocześnie"}}
	}
	if r := one.rate.ReserveN(now, 1); r.DelayFrom(now) > 0 {
		wait := r.DelayFrom(now)
		r.CancelAt(now)
		return nil, &problem{kind: tooMany, after: max(wait, time.Second), detail: text{
			en: "this client calls more often than it may; hand several invoices in with one call",
			pl: "ten klient wywołuje częściej, niż może; przekaż kilka faktur jednym wywołaniem"}}
	}
	one.inFlight++
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		one.inFlight--
	}, nil
}

// busy is the answer to a large call that gets no place in time.
var busy = [kindsOfTurns]text{
	plain: {en: "other large calls are being read; nothing was taken, call again",
		pl: "trwa odczyt innych dużych wywołań; nic nie przyjęto, wywołaj ponownie"},
	converted: {en: "the gateway is converting other large calls to XML; nothing was taken, call again",
		pl: "bramka przetwarza na XML inne duże wywołania; nic nie przyjęto, wywołaj ponownie"},
}

// batch waits for the turn of a large call.
func (g *gates) batch(ctx context.Context, c *client, kind turns) (done func(), err error) {
	g.mu.Lock()
	own, all := g.of(c).batches[kind], g.batches[kind]
	g.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, batchWait)
	defer cancel()
	none := &problem{kind: unavailable, after: 5 * time.Second, detail: busy[kind]}
	if own.Acquire(ctx, 1) != nil {
		return nil, none
	}
	if all.Acquire(ctx, 1) != nil {
		own.Release(1)
		return nil, none
	}
	return func() { all.Release(1); own.Release(1) }, nil
}
