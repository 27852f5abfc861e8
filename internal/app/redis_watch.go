package app

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/internal/connect"
	"ksefworker/internal/ledger"
)

// redisWatch checks Redis again and again. After a failover, or behind an address that has moved,
// the server may no longer be the one that was checked at start. The check writes, because a server
// that became a replica, or whose disk is full, still answers PING. Safe for concurrent use.
type redisWatch struct {
	pool   *connect.Pool
	log    zerolog.Logger
	latest *cached[Check]

	fault string // of the server, as it was logged; "" means none
	runID string

	incomplete bool // indexes may lack entries, because Redis refused commands

	elsewhere atomic.Pointer[error] // why this process may not work with the ledger; nil: it may
	// strangers are the tenants whose name means another taxpayer in the ledger, as of the last
	// check that Redis answered.
	strangers atomic.Pointer[map[string]connect.Stranger]
}

// redisFresh is how long a result is used again. Readiness may be asked for often, and a check
// costs several commands, some of which write.
const redisFresh = time.Second

// redisEvery is how often a worker checks Redis when nobody asks for readiness.
const redisEvery = 10 * time.Second

func newRedisWatch(pool *connect.Pool, log zerolog.Logger) *redisWatch {
	w := &redisWatch{pool: pool, log: log}
	w.latest = newCached(redisFresh, pool.Now, func(ctx context.Context) (Check, error) { return w.checkNow(ctx), nil })
	return w
}

// check shows whether this worker can work with Redis.
func (w *redisWatch) check(ctx context.Context) Check {
	c, err := w.latest.get(ctx)
	if err != nil {
		return Check{Name: "redis", Detail: "it has not answered yet: " + err.Error()}
	}
	return c
}

func (w *redisWatch) checkNow(ctx context.Context) Check {
	pool := w.pool
	if err := pool.Redis.Set(ctx, pool.Config.Redis.Prefix+"ready", 1, time.Minute).Err(); err != nil && !ledger.IsFull(err) {
		return Check{Name: "redis", Detail: connect.Explain(err)}
	}
	facts, err := connect.ReadRedisFacts(ctx, pool.Redis)
	if err != nil {
		return Check{Name: "redis", Detail: connect.Explain(err)}
	}
	claimed := errors.Join(pool.Claim(ctx), pool.Ledger.CheckRights(ctx))
	w.noteHome(ctx, claimed)
	w.noteStrangers(ctx)
	fault := errors.Join(pool.Unfit(facts), claimed)
	w.logChange(facts.RunID, fault)
	if fault != nil {
		return Check{Name: "redis", Detail: connect.Explain(fault)}
	}
	// While the replicas lag, a worker must not make a call that a failover could forget. Such
	// calls are the purpose of a worker, so it is not ready.
	if lag, lagging := errors.AsType[*ledger.ReplicaError](pool.Ledger.Replicated(ctx)); lagging {
		return Check{Name: "redis", Detail: lag.Error() +
			"; until then nothing is taken in, and no call is made that a failover must not forget"}
	}
	return Check{Name: "redis", OK: true}
}

// noteHome remembers why this process may not work with the ledger. There are three reasons: the
// ledger belongs to another environment now, it has a format that this build does not know, or the
// process lacks the right to some writes. In the last case, the indexes of the ledger may lack
// entries. All entries are listed again once the process has the rights.
func (w *redisWatch) noteHome(ctx context.Context, err error) {
	_, elsewhere := errors.AsType[*ledger.HomeError](err)
	_, newer := errors.AsType[*ledger.FormatError](err)
	_, few := errors.AsType[*ledger.RightsError](err)
	w.incomplete = w.incomplete || few
	switch {
	case elsewhere, newer, few:
		w.elsewhere.Store(&err)
	case err == nil:
		w.elsewhere.Store(nil)
		if w.incomplete && w.pool.Ledger.ListAgain(ctx) == nil {
			w.incomplete = false
		}
	}
}

// noteStrangers remembers and logs the tenants whose name means another taxpayer in the ledger.
// This process must not work for them, because an invoice that another process has taken in under
// such a name would go into a session of the wrong taxpayer.
func (w *redisWatch) noteStrangers(ctx context.Context) {
	found, err := w.pool.Strangers(ctx)
	if err != nil {
		return // Redis does not answer, which the check itself reports
	}
	before := w.lastStrangers()
	for tenant, s := range found {
		if _, known := before[tenant]; !known {
			w.log.Error().Err(s.Err).Str("tenant", tenant).
				Msg("nothing of this tenant is sent, shown or told to receivers by this worker: its name means another taxpayer")
		}
	}
	w.strangers.Store(&found)
}

func (w *redisWatch) lastStrangers() map[string]connect.Stranger {
	if found := w.strangers.Load(); found != nil {
		return *found
	}
	return nil
}

// strangersNow returns the tenants whose name means another taxpayer in the ledger. While Redis
// does not answer, it returns the tenants of the last check.
func (w *redisWatch) strangersNow(ctx context.Context) map[string]connect.Stranger {
	found, err := w.pool.Strangers(ctx)
	if err != nil {
		return w.lastStrangers()
	}
	return found
}

// strangerTime bounds how long Redis is asked, before each task, which taxpayer a name means.
const strangerTime = 2 * time.Second

// refuse returns why this process may do nothing for a tenant. It returns nil while the process may
// work with the ledger and the tenant's name does not mean another taxpayer. It asks Redis each
// time, because the first invoice under a name has a task at once, before the next check. While
// Redis does not answer, the last check counts.
func (w *redisWatch) refuse(tenant string) error {
	if err := w.elsewhere.Load(); err != nil {
		return *err
	}
	ctx, cancel := context.WithTimeout(context.Background(), strangerTime)
	defer cancel()
	why, err := w.pool.Stranger(ctx, tenant)
	if err != nil {
		return w.lastStrangers()[tenant].Err
	}
	return why
}

// logChange logs when the server has changed, and when a fault has begun or ended.
func (w *redisWatch) logChange(runID string, fault error) {
	if runID != w.runID {
		if w.runID != "" {
			w.log.Warn().Msg("redis is another server, or was restarted: it is checked again")
		}
		w.runID = runID
	}
	now := ""
	if fault != nil {
		now = fault.Error()
	}
	switch {
	case now != "" && now != w.fault:
		w.log.Error().Msg("this worker is not ready: " + now)
	case now == "" && w.fault != "":
		w.log.Info().Msg("redis can keep the ledger safely again")
	}
	w.fault = now
}

// run checks until stop is closed.
func (w *redisWatch) run(ctx context.Context, stop <-chan struct{}) {
	every(ctx, redisEvery, stop, func(ctx context.Context) { w.check(ctx) })
}
