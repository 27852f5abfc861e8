package tasks

import (
	"context"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

// closeLostSessions closes online sessions that belong to this worker according to the ledger, but
// are not in its memory. A failover to a replica can take back the last writes. After that, a
// closed session may be "opened" again in the ledger. While its owner is alive, no other worker
// would touch it. A session that was opened a moment ago is left alone, because it may not be in
// memory yet.
func (x *onlineSessions) closeLostSessions(ctx context.Context) error {
	now, err := x.Ledger.Clock(ctx)
	if err != nil {
		return err
	}
	ids, err := x.Ledger.PackagesInState(ctx, ledger.PackageOpened, time.Time{}, now.Add(-x.o.SweepAfter), 0)
	if err != nil {
		return err
	}
	pkgs, err := x.packages(ctx, ids)
	if err != nil {
		return err
	}
	for _, p := range pkgs {
		if p.Lane != ledger.Express || p.Owner != x.o.Worker || x.express.holds(p.ID) || x.closes.has(p.ID) {
			continue
		}
		x.o.Log.Warn().Str("package", p.ID).Str("session", p.Session).
			Msg("closing an online session that is not in this worker's memory any more")
		x.closes.start(ctx, p.Tenant, p.ID,
			func(ctx context.Context) error { return x.closeLost(ctx, &p) },
			func(err error) { x.warn(ctx, "close a session that is not in memory", err) })
	}
	return nil
}

// closeLost closes a session that is not in this worker's memory any more, or leaves it to the
// other workers. This worker has no use for the session, because the session's key is lost.
func (x *onlineSessions) closeLost(ctx context.Context, p *ledger.Package) error {
	err := guard(func() error { return x.closeOnline(ctx, p) })
	if closed(err) || ctx.Err() != nil {
		return err
	}
	return x.leaveToOthers(ctx, p, err)
}

// closeUnrecorded closes a session that is in this worker's memory but not in the ledger.
func (x *onlineSessions) closeUnrecorded(ctx context.Context, s *onlineSession) error {
	x.o.Log.Warn().Str("package", s.pkg.ID).Str("session", s.pkg.Session).
		Msg("closing an online session that is not in the ledger any more")
	t, err := x.transport(s.pkg.Tenant)
	if err != nil {
		return err
	}
	err = t.CloseSession(ctx, s.pkg.Session, false)
	if _, kind := kindOf(err); kind == ksef.KindRefused {
		return nil // an earlier call closed it and its answer was lost
	}
	return err
}

// holds reports whether the session of a package is in this worker's memory, in use or about to be
// closed.
func (e *express) holds(pkg string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range e.sessions {
		if s.pkg.ID == pkg {
			return true
		}
	}
	for s := range e.ended {
		if s.pkg.ID == pkg {
			return true
		}
	}
	return false
}
