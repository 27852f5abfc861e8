package tasks

import (
	"context"
	"errors"
	"slices"
	"sync"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ratelimit"
)

// bulkGroups are what a package needs of the gateway until it is on its way.
var bulkGroups = []string{string(ksef.GroupPublicKey), string(ksef.GroupBatchSession), string(ksef.GroupBatchSessionClose)}

// doubtGroups make it doubtful that a package of the tenant could leave: each can be out of service
// by itself, and is the first thing to be noticed when the gateway goes and nothing but old
// sessions is at hand. One package at a time finds out, which costs a tenant nothing when it can
// leave. What is fetched afterwards, receipts and documents, is no sign.
var doubtGroups = append(slices.Clip(bulkGroups), string(ksef.GroupSessionMisc), string(ksef.GroupSessionInvoiceList),
	string(ksef.GroupOnlineSession), string(ksef.GroupInvoiceSend))

// knocks is what finds out that something which is out of service is back.
type knocks struct {
	// bulk tells whether a package of the tenant could leave, as far as is known, and whether it is
	// the gateway itself that is down.
	bulk func(tenant string) (down, gateway bool, err error)
	// fresh are the tenants with a package that is about to be opened.
	fresh func() (map[string]bool, error)
}

// knocking reads only what is asked for, and what is not of one tenant once for all sets of a
// round: an outage of days has a round each second.
func (w *Worker) knocking(ctx context.Context) func() (knocks, error) {
	gateway := sync.OnceValues(func() (bool, error) { return w.Budget.Down(ctx, "") })
	return func() (knocks, error) {
		return knocks{
			bulk: func(tenant string) (bool, bool, error) {
				if down, err := gateway(); down || err != nil {
					return down, down, err
				}
				down, err := w.Budget.Down(ctx, tenant, doubtGroups...)
				if down || err != nil {
					return down, false, err
				}
				down, err = w.partStoreDown(ctx, tenant)
				return down, false, err
			},
			fresh: sync.OnceValues(func() (map[string]bool, error) { return w.Ledger.FreshlyCut(ctx) }),
		}, nil
	}
}

// partStoreDown tells whether the store that takes the parts of a tenant's packages is out of service.
func (w *Worker) partStoreDown(ctx context.Context, tenant string) (bool, error) {
	err := w.PartStore.Ready(ctx, tenant)
	if notNow, ok := errors.AsType[*ratelimit.NotNow](err); ok && notNow.Reason == ratelimit.ReasonStore {
		return true, nil
	}
	return false, err
}

// holdBack reports that no package of the tenant may be able to leave and that something of the
// tenant finds out when one can. A waiting set is in the order of deadlines and takes in whatever
// comes; packages that were cut are in no order, and after three days of them, every two minutes
// one, what came last and is due first would stand behind two thousand. One is cut all the same
// when nothing else would find out.
func (w *Worker) holdBack(ctx context.Context, tenant string, knocking func() (knocks, error)) (bool, error) {
	k, err := knocking()
	if err != nil {
		return false, err
	}
	// While KSeF refuses the tenant's sessions, one after the other, what waits gathers: as packages
	// that each take a try of their own they would never be one again.
	if t, err := w.Ledger.Tenant(ctx, tenant); err != nil || w.refusedPause(t) > 0 && w.o.Now().Sub(t.RefusedAt.Time()) < w.refusedPause(t) {
		return true, err
	}
	down, gateway, err := k.bulk(tenant)
	if !down || err != nil {
		return false, err
	}
	// Its sessions are asked for: any answer tells that the gateway is back. That the tenant's
	// sessions can be opened, or that the part store takes parts, only a package tells.
	if s := w.share(tenant); gateway && s.closed+s.open > 0 {
		return true, nil
	}
	fresh, err := k.fresh()
	return fresh[tenant], err
}
