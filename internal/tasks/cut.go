package tasks

import (
	"context"
	"fmt"
	"time"

	"github.com/rs/xid"

	"ksefworker/internal/ledger"
)

func (w *Worker) policy(tenant string) CutPolicy {
	return CutPolicy{MaxWait: w.o.MaxWait, MaxInvoices: w.o.MaxInvoices, SessionInvoices: w.o.sessionInvoices(tenant), MaxBytes: w.o.MaxBytes, ExpressBelow: w.o.ExpressBelow,
		Quiet: w.o.Quiet, DeadlineNear: w.o.DeadlineNear}
}

// cut decides anew, because the queue may have taken its time, and cuts until the set need not be cut.
func (w *Worker) cut(ctx context.Context, groupName string) error {
	group, ok := ledger.ParseGroup(groupName)
	if !ok {
		return fmt.Errorf("cut %q: not the name of a waiting set", groupName)
	}
	for {
		waits, err := w.Ledger.Waits(ctx)
		if err != nil {
			return err
		}
		set := find(waits, group)
		decision, room, err := w.decide(ctx, waits, set, w.o.Now(), w.knocking(ctx), w.onWay(ctx))
		if err != nil {
			return err
		}
		switch decision {
		case CutWait:
			return nil
		case CutExpress:
			done, err := w.cutExpress(ctx, set)
			if done || err != nil {
				return err
			}
			// The express lane has no room: with company or alone, a package it is, once the set
			// has waited long enough.
			if !w.policy(group.Tenant).due(set, w.o.Now(), room) {
				return nil
			}
		}
		id := "pkg-" + xid.New().String()
		ids, err := w.Ledger.Cut(ctx, id, group, ledger.CutLimits{Invoices: w.policy(group.Tenant).maxInvoices(room), Bytes: w.o.MaxBytes})
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			return nil
		}
		w.reached(KindCut, ledger.Packed, len(ids))
		w.o.Log.Info().Str("package", id).Str("group", groupName).Int("invoices", len(ids)).Msg("package cut")
		if err := w.Queue.Put(ctx, KindPackage, id, 0, When{}); err != nil {
			return err // the sweep finds the package
		}
	}
}

// decide asks for the tenant's room only when something would be cut: a set that waits costs
// nothing.
func (w *Worker) decide(ctx context.Context, waits []ledger.Waiting, set ledger.Waiting, now time.Time,
	knocking func() (knocks, error), onWay func() (map[string]ledger.OnWay, error)) (Cut, Allowance, error) {
	if d := w.policy(set.Group.Tenant).Decide(set, now, Allowance{}); d == CutWait {
		return d, Allowance{}, nil
	}
	if _, ok := w.Transport(set.Group.Tenant); !ok {
		// The configuration here does not have the tenant, or pauses it. Another worker may have it, and
		// queues the cut itself. As long as nobody cuts, a person can dismiss what waits.
		return CutWait, Allowance{}, nil
	}
	if _, paused, err := w.paused(ctx, set.Group.Tenant); paused || err != nil {
		return CutWait, Allowance{}, err
	}
	if hold, err := w.holdBack(ctx, set.Group.Tenant, knocking); hold || err != nil {
		return CutWait, Allowance{}, err
	}
	room, err := w.allowance(ctx, waits, set, now, onWay)
	if err != nil {
		return CutWait, Allowance{}, err
	}
	return w.policy(set.Group.Tenant).Decide(set, now, room), room, nil
}

func find(waits []ledger.Waiting, g ledger.Group) ledger.Waiting {
	for _, s := range waits {
		if s.Group == g {
			return s
		}
	}
	return ledger.Waiting{Group: g}
}
