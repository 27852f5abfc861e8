package tasks

import (
	"context"
	"fmt"
	"time"

	"github.com/rs/xid"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/retry"
	"ksefworker/internal/settlement"
)

const (
	// wholeTries is how many more times a package goes out whole after KSeF has refused it as often
	// as Options.Refusals says. After that, a piece of it goes as a probe.
	wholeTries = 1
	// probeWait is how often a package checks whether its probe has come back. The check is needed
	// because tellRest may fail.
	probeWait = 10 * time.Second
	// maxProbeUnread is how long a package waits for a probe that cannot be read, counted from the
	// split. This leaves time for a newer worker to bring the probe back. The probe only finds
	// something out, so going on without it costs a session at most.
	maxProbeUnread = time.Hour
)

// probePieces returns how many pieces a package is cut into when it has n refusals more than
// Options.Refusals. The first piece goes as a probe, and the others are one package, the rest. When
// a probe is refused, its invoices go to the end of the rest, so the pieces take turns. Halves are
// enough for one invoice that makes every session fail. Smaller pieces find a way past several such
// invoices.
func probePieces(n int) int {
	switch n -= wholeTries; {
	case n < 2:
		return 2
	case n < 6:
		return 4
	}
	return 8
}

// awaitRefused keeps a package waiting while KSeF refuses one session of the tenant after another
// and the time of the next try has not come. The try itself is taken later, when the package is
// built.
func (b *batchBuilder) awaitRefused(ctx context.Context, p *ledger.Package) error {
	t, err := b.Ledger.Tenant(ctx, p.Tenant)
	if err != nil || !b.rules().TenantRestsUntil(t).After(b.o.Now()) {
		return err
	}
	return b.afterOthers(t)
}

// takeTry takes the one try of a tenant whose sessions KSeF refuses one after the other. The try is
// for a package that is about to be opened. For other tenants takeTry does nothing. If the caller
// then learns neither that KSeF opened a session nor that KSeF refused one, it MUST call giveBack.
func (b *batchBuilder) takeTry(ctx context.Context, p *ledger.Package) (giveBack func(context.Context), err error) {
	t, err := b.Ledger.Tenant(ctx, p.Tenant)
	if err != nil {
		return nil, err
	}
	pause := b.rules().TenantRest(t)
	if pause == 0 {
		return func(context.Context) {}, nil
	}
	now := b.o.Now()
	ok, err := b.Ledger.TryRefused(ctx, p.Tenant, now, pause)
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, b.afterOthers(t)
	}
	return func(ctx context.Context) {
		b.warn(ctx, "give back a try of the tenant", b.Ledger.ReturnTry(ctx, p.Tenant, now, t.RefusedAt))
	}, nil
}

func (b *batchBuilder) afterOthers(t ledger.Tenant) error {
	wait := max(b.rules().TenantRestsUntil(t).Sub(b.o.Now()), time.Second)
	return later(wait, retry.ReasonRefused,
		fmt.Sprintf("KSeF has refused sessions of the tenant, %d in a row: its packages take turns", t.Refusals))
}

// beforeSubmit decides about a package that was split or refused before. It is called before any
// work for the package. done reports whether the package need not be submitted now.
func (b *batchBuilder) beforeSubmit(ctx context.Context, p *ledger.Package) (done bool, err error) {
	if wait := p.NotBefore.Time().Sub(b.o.Now()); wait > 0 {
		return false, later(wait, retry.ReasonRefused,
			"KSeF refused its invoices in earlier sessions: the next try is at "+p.NotBefore.Time().UTC().Format(time.RFC3339))
	}
	if p.Probe != "" {
		return false, b.awaitProbe(ctx, p)
	}
	tries := p.Refusals - b.o.Refusals
	if p.Rest != "" || tries < wholeTries || p.Count < 2 {
		return false, nil
	}
	if through, err := b.family.othersGoThrough(ctx, p); err != nil || through {
		return false, err
	}
	held, err := b.readHeld(ctx, p)
	if err != nil {
		return false, err
	}
	ids := idsOf(held.Undecided(p.ID))
	if len(ids) < 2 {
		return false, nil
	}
	pieces := min(probePieces(tries), len(ids))
	n := (len(ids) + pieces - 1) / pieces
	probe, rest := "pkg-"+xid.New().String(), "pkg-"+xid.New().String()
	b.o.Log.Info().Str("package", p.ID).Str("probe", probe).Str("rest", rest).Int("invoices", n).Int("of", len(ids)).
		Msg("KSeF refuses every session of the tenant: a piece goes as a probe")
	return true, b.writer.split(ctx, p, settlement.Split{Proof: settlement.ProvenUnposted, Reason: p.Reason,
		End: settlement.EndOf(*p, held, len(ids)),
		Parts: []ledger.Part{
			{ID: probe, Refusals: p.Refusals, Rest: rest, IDs: ids[:n]},
			{ID: rest, Refusals: p.Refusals, Probe: probe, IDs: ids[n:]},
		}})
}

// awaitProbe lets a package wait for its probe. The package is sent whole once more when its probe
// was processed, because KSeF then most likely takes sessions again. It is also sent whole once
// more when the probe ended without being merged back into it, and when the probe still cannot be
// read after maxProbeUnread.
func (b *batchBuilder) awaitProbe(ctx context.Context, p *ledger.Package) error {
	probe, unread, err := b.family.relative(ctx, p.Probe)
	if err != nil {
		return err
	}
	if probe != nil && probe.State.Live() && probe.State != ledger.PackageSettled {
		return later(probeWait, retry.ReasonRefused,
			fmt.Sprintf("it waits for %s, which went ahead to find out whether KSeF takes any session", p.Probe))
	}
	left := p.CreatedAt.Time().Add(maxProbeUnread).Sub(b.o.Now())
	if unread != nil && left > 0 && !over(unread) {
		return later(min(left, settlement.UnreadPause), retry.ReasonOther,
			fmt.Sprintf("it waits for %s, whose entry cannot be read (%v): if that stays so, it is sent at %s",
				p.Probe, unread.Err, p.CreatedAt.Time().Add(maxProbeUnread).UTC().Format(time.RFC3339)))
	}
	edit := ledger.PackageEdit{}.WithoutProbe().Refusals(b.o.Refusals - 1)
	return b.movePackage(ctx, p, ledger.PackageMove{Edit: edit})
}

// over reports whether a package that cannot be read has ended, as far as its fields tell.
func over(u *ledger.Unreadable) bool {
	switch ledger.PackageState(u.State) {
	case ledger.PackageSettled, ledger.PackageReceipted, ledger.PackageAbandoned, ledger.PackageFailed:
		return !u.Opaque
	}
	return false
}

// tellRest does nothing unless p is a probe. It queues the task of the package that waits for p, to
// run now.
func (w *writer) tellRest(ctx context.Context, p *ledger.Package) {
	if p.Rest != "" {
		w.warn(ctx, "tell a package that its probe is back", w.Queue.Put(ctx, queue.KindPackage, p.Rest, 0, queue.When{Run: true}))
	}
}
