package tasks

import (
	"context"
	"fmt"

	"github.com/rs/xid"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/tracing"
)

func (l *laneChooser) policy(tenant string) CutPolicy {
	return CutPolicy{
		MaxWait:         l.o.MaxWait,
		MaxInvoices:     l.o.MaxInvoices,
		SessionInvoices: l.o.sessionInvoices(tenant),
		MaxBytes:        l.o.MaxBytes,
		ExpressBelow:    l.o.ExpressBelow,
		Quiet:           l.o.Quiet,
		DeadlineNear:    l.o.DeadlineNear,
	}
}

// cut makes packages of a waiting set until nothing more is to be cut. It decides again before each
// package, even before the first one, because the task may have waited long in the queue.
func (l *laneChooser) cut(ctx context.Context, groupName string) error {
	group, ok := ledger.ParseGroup(groupName)
	if !ok {
		return fmt.Errorf("cut %q: not the name of a waiting set", groupName)
	}
	tracing.Tenant(ctx, group.Tenant)
	for {
		round, err := l.cutRound(ctx, l.o.Now())
		if err != nil {
			return err
		}
		set := find(round.waits, group)
		decision, allowance, err := l.decide(ctx, set, round)
		if err != nil {
			return err
		}
		if decision == CutWait {
			return nil
		}
		// A worker that is not allowed to send for the tenant leaves the set to another worker.
		// Meanwhile, people who ask about the invoices in the set are told this error.
		if err := l.Fault(group.Tenant); err != nil {
			return err
		}
		if decision == CutExpress {
			done, err := l.cutExpress(ctx, set)
			if done || err != nil {
				return err
			}
			// The express lane has too little capacity, or does not take all of these invoices. The
			// set becomes a package, even of one invoice, once it has waited long enough.
			if !l.policy(group.Tenant).due(set, l.o.Now(), allowance) {
				return nil
			}
		}
		id := "pkg-" + xid.New().String()
		limits := ledger.CutLimits{Invoices: l.policy(group.Tenant).maxInvoices(allowance), Bytes: l.o.MaxBytes}
		ids, err := l.Ledger.Cut(ctx, id, group, limits)
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			return nil
		}
		l.reached(queue.KindCut, ledger.Packed, len(ids))
		made := &ledger.Package{ID: id, Tenant: group.Tenant, State: ledger.PackageCut}
		l.logPackage(made)
		l.logIDs(ids, ledger.Packed, made)
		l.o.Log.Info().Str("package", id).Str("group", groupName).Int("invoices", len(ids)).Msg("package cut")
		if err := l.Queue.Put(ctx, queue.KindPackage, id, 0, queue.When{}); err != nil {
			return err // the sweep finds the package
		}
	}
}

// decide decides about a waiting set. It reads the tenant's allowance only when an unlimited
// allowance would let it cut the set. So a set that has to wait costs no read.
func (l *laneChooser) decide(ctx context.Context, set ledger.Waiting, round cutRound) (Cut, Allowance, error) {
	if d := l.policy(set.Group.Tenant).Decide(set, round.now, Allowance{}); d == CutWait {
		return d, Allowance{}, nil
	}
	if _, ok := l.Transport(set.Group.Tenant); !ok {
		// This worker's configuration does not have the tenant, or pauses it. If another worker has
		// the tenant, that worker queues the cut itself. As long as no worker cuts, a person can
		// dismiss the waiting invoices.
		return CutWait, Allowance{}, nil
	}
	if _, paused, err := l.holds.paused(ctx, set.Group.Tenant); paused || err != nil {
		return CutWait, Allowance{}, err
	}
	if hold, err := l.holdBack(ctx, set.Group.Tenant, round.probe); hold || err != nil {
		return CutWait, Allowance{}, err
	}
	allowance, err := l.allowance(ctx, set, round)
	if err != nil {
		return CutWait, Allowance{}, err
	}
	return l.policy(set.Group.Tenant).Decide(set, round.now, allowance), allowance, nil
}

// find returns the waiting set of a group; an empty set when there is none.
func find(waits []ledger.Waiting, g ledger.Group) ledger.Waiting {
	for _, s := range waits {
		if s.Group == g {
			return s
		}
	}
	return ledger.Waiting{Group: g}
}
