package tasks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rs/xid"

	"ksefworker/internal/ledger"
	"ksefworker/internal/retry"
)

const (
	// refusalFirst and refusalMax bound the pause before a package is sent again that was refused while
	// nothing else of the tenant went through.
	refusalFirst = 10 * time.Second
	refusalMax   = time.Hour
	// wholeTries is how often it is sent again whole. From then on a piece of it goes as a probe.
	wholeTries = 3
	// probeWait is how often a package looks whether its probe has come back.
	probeWait = 10 * time.Second
	// aloneTries is how often an invoice that is alone in its package is sent again although nothing
	// shows that KSeF takes anything at present: about three hours in all. Then a person is asked.
	aloneTries = 10
)

// refusalPause is the pause before the n-th such try, from 0.
func refusalPause(n int) time.Duration { return min(refusalFirst<<min(max(n, 0), 10), refusalMax) }

// probePieces is how many pieces a package is cut into, of which the first goes as a probe, at the n-th
// try in vain. What comes back goes to the end, so the pieces take turns. Halves are enough for one
// poisonous invoice; smaller pieces find their way past several.
func probePieces(n int) int {
	switch n -= wholeTries; {
	case n < 2:
		return 2
	case n < 6:
		return 4
	}
	return 8
}

// throughSince reports that KSeF processed a batch session of the tenant that was closed after a
// moment: it takes sessions, so one that it refuses is at fault itself.
func (w *Worker) throughSince(ctx context.Context, tenant string, t time.Time) (bool, error) {
	known, err := w.Ledger.Tenant(ctx, tenant)
	return err == nil && known.ThroughAt != 0 && !known.ThroughAt.Time().Before(t), err
}

// beforeSubmit decides about a package that was split or refused before, ahead of any work for it. It
// reports that the package need not be submitted now.
func (w *Worker) beforeSubmit(ctx context.Context, p *ledger.Package) (done bool, err error) {
	if p.Probe != "" {
		return false, w.awaitProbe(ctx, p)
	}
	tries := p.Strikes - w.o.Refusals
	if p.Rest != "" || tries < wholeTries || p.Count < 2 {
		return false, nil
	}
	through, err := w.throughSince(ctx, p.Tenant, p.CreatedAt.Time())
	if err != nil || through {
		return false, err
	}
	ids, err := w.pendingIDs(ctx, p)
	if err != nil || len(ids) < 2 {
		return false, err
	}
	pieces := min(probePieces(tries), len(ids))
	n := (len(ids) + pieces - 1) / pieces
	probe, rest := "pkg-"+xid.New().String(), "pkg-"+xid.New().String()
	w.o.Log.Info().Str("package", p.ID).Str("probe", probe).Str("rest", rest).Int("invoices", n).Int("of", len(ids)).
		Msg("KSeF refuses every session of the tenant: a piece goes as a probe")
	return true, w.repack(ctx, p, p.Reason, 0,
		ledger.Part{ID: probe, Strikes: p.Strikes, Rest: rest, IDs: ids[:n]},
		ledger.Part{ID: rest, Strikes: p.Strikes, Probe: probe, IDs: ids[n:]})
}

// awaitProbe lets a package wait for its probe. One whose probe went through, or is gone in any other
// way than back into it, is sent whole once more: most likely KSeF takes sessions again.
func (w *Worker) awaitProbe(ctx context.Context, p *ledger.Package) error {
	probe, err := w.Ledger.Package(ctx, p.Probe)
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return err
	}
	if err == nil && probe.State.Live() && probe.State != ledger.PackageSettled {
		return later(probeWait, retry.ReasonProcessing, fmt.Sprintf("a part of it went ahead in %s to find out whether KSeF takes any session", p.Probe))
	}
	set := []ledger.Set{{Field: "probe", Value: ""}, {Field: "strikes", Value: w.o.Refusals - 1}}
	if err := w.Ledger.MovePackage(ctx, p, ledger.PackageMove{Set: set}); err != nil {
		return err
	}
	p.Probe, p.Strikes = "", w.o.Refusals-1
	return nil
}

// rejoin puts a probe that was refused back into what it was split off. That is sent again after a
// longer pause.
func (w *Worker) rejoin(ctx context.Context, p *ledger.Package, ids []string, reason string) error {
	rest, err := w.Ledger.Package(ctx, p.Rest)
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return err
	}
	part := ledger.Part{Strikes: p.Strikes + 1, IDs: ids}
	if err == nil && rest.State == ledger.PackageCut && rest.Probe == p.ID {
		part.ID, part.Into = rest.ID, true
	}
	return w.repack(ctx, p, reason, refusalPause(part.Strikes-w.o.Refusals), part)
}

// atFault reports whether an invoice is at fault that KSeF refused although it was alone. It is when
// another package of the tenant went through since it has been alone. When none did, KSeF as likely
// refuses everybody.
func (w *Worker) atFault(ctx context.Context, p *ledger.Package, strikes int) (bool, error) {
	if strikes >= w.o.Refusals+aloneTries {
		return true, nil
	}
	began, err := w.aloneSince(ctx, p)
	if err != nil || began.IsZero() {
		return false, err
	}
	return w.throughSince(ctx, p.Tenant, began)
}

// aloneSince is when the first session with the invoice alone was refused: the oldest package that came
// of such a refusal was made at that moment. Zero when p is the first itself.
func (w *Worker) aloneSince(ctx context.Context, p *ledger.Package) (time.Time, error) {
	var began ledger.Millis
	for at := *p; at.Parent != ""; {
		before, err := w.Ledger.Package(ctx, at.Parent)
		if errors.Is(err, ledger.ErrNotFound) {
			began = at.CreatedAt
			break // pruned
		}
		if err != nil {
			return time.Time{}, err
		}
		began = at.CreatedAt
		if before.Count > 1 {
			break
		}
		at = before
	}
	return began.Time(), nil
}
