package tasks

import (
	"context"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

// closeForgotten closes online sessions that the ledger says this worker holds, and that it does not know. A failover to a replica can take back the last writes: a session
// that was closed is "opened" again, its owner is alive, and nobody else would touch it. One that was only just opened is left alone: it may not have reached memory yet.
func (w *Worker) closeForgotten(ctx context.Context) error {
	now, err := w.Ledger.Clock(ctx)
	if err != nil {
		return err
	}
	ids, err := w.Ledger.PackagesInState(ctx, ledger.PackageOpened, time.Time{}, now.Add(-w.o.SweepAfter), 0)
	if err != nil {
		return err
	}
	pkgs, err := w.packages(ctx, ids)
	if err != nil {
		return err
	}
	for _, p := range pkgs {
		if p.Lane != ledger.Express || p.Owner != w.o.Worker || w.express.holds(p.ID) || w.closes.has(p.ID) {
			continue
		}
		w.o.Log.Warn().Str("package", p.ID).Str("session", p.Session).Msg("closing an online session that this worker has forgotten")
		w.closes.start(ctx, p.Tenant, p.ID, func(ctx context.Context) error { return w.closeStray(ctx, &p) }, func(err error) {
			w.warn(ctx, "close a forgotten session", err)
		})
	}
	return nil
}

// closeStray closes a session that this worker has forgotten, or leaves it to the others: to own it is
// of no use here, for its key is lost.
func (w *Worker) closeStray(ctx context.Context, p *ledger.Package) error {
	err := guard(func() error { return w.closeOnline(ctx, p) })
	if closed(err) || ctx.Err() != nil {
		return err
	}
	return w.disown(ctx, p, err)
}

// closeUnrecorded closes a session that only this memory knows.
func (w *Worker) closeUnrecorded(ctx context.Context, s *onlineSession) error {
	w.o.Log.Warn().Str("package", s.pkg.ID).Str("session", s.pkg.Session).Msg("closing an online session that the ledger has lost")
	t, err := w.transport(s.pkg.Tenant)
	if err != nil {
		return err
	}
	err = t.CloseSession(ctx, s.pkg.Session, false)
	if _, kind := kindOf(err); kind == ksef.KindRefused {
		return nil // closed already, by a call whose answer was lost
	}
	return err
}

// holds reports whether the session of a package is in this memory, in use or about to be closed.
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
