package tasks

import (
	"context"
	"errors"
	"slices"
	"sync"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ratelimit"
)

// bulkGroups are the limit groups that a package needs before it is on its way.
var bulkGroups = []string{string(ksef.GroupPublicKey), string(ksef.GroupBatchSession), string(ksef.GroupBatchSessionClose)}

// doubtGroups are the groups whose outage makes it doubtful that a package of the tenant could be
// sent. Each of these groups can be out of service by itself, or be the first sign that the whole
// gateway is down. While one of them is out of service, the tenant tries one package at a time. If
// this package can be sent, the tenant loses nothing, because the next one may be cut as soon as
// this one is opened. An outage of the groups for receipts and documents, which are fetched
// afterwards, is no such sign.
var doubtGroups = append(slices.Clip(bulkGroups), string(ksef.GroupSessionMisc), string(ksef.GroupSessionInvoiceList),
	string(ksef.GroupOnlineSession), string(ksef.GroupInvoiceSend))

// outageProbe looks up what holdBack needs to know: whether the end of an outage will be noticed
// even if no further package is cut.
type outageProbe struct {
	// bulk says what is known of a tenant. down means that probably no package of the tenant can be
	// sent. host means that the tenant's host itself is down.
	bulk func(tenant string) (down, host bool, err error)
	// fresh returns the tenants with a package that is about to be opened.
	fresh func() (map[string]bool, error)
}

// newOutageProbe returns the probe of a round. The probe reads a fact only when it is asked for.
// The hosts' state and the freshly cut packages are read once for all sets of the round, because
// there is a round each second, even in an outage that lasts days.
func (l *laneChooser) newOutageProbe(ctx context.Context) outageProbe {
	hosts := map[string]bool{} // whether the host of a tenant is down
	host := func(tenant string) (bool, error) {
		down, known := hosts[tenant]
		if known {
			return down, nil
		}
		down, err := l.Budget.Down(ctx, tenant)
		if err == nil {
			hosts[tenant] = down
		}
		return down, err
	}
	fresh := sync.OnceValues(func() (map[string]bool, error) { return l.Ledger.FreshlyCut(ctx) })
	return outageProbe{
		bulk: func(tenant string) (bool, bool, error) {
			// Tenants may have different hosts. A host that is down holds back only its own
			// tenants.
			if down, err := host(tenant); down || err != nil {
				return down, down, err
			}
			down, err := l.Budget.Down(ctx, tenant, doubtGroups...)
			if down || err != nil {
				return down, false, err
			}
			down, err = l.partStoreDown(ctx, tenant)
			return down, false, err
		},
		fresh: fresh,
	}
}

// partStoreDown reports whether the store that takes the parts of a tenant's packages is out of
// service.
func (l *laneChooser) partStoreDown(ctx context.Context, tenant string) (bool, error) {
	err := l.PartStore.Ready(ctx, tenant)
	if notNow, ok := errors.AsType[*ratelimit.NotNow](err); ok && notNow.Reason == ratelimit.ReasonStore {
		return true, nil
	}
	return false, err
}

// holdBack reports whether a set should wait although a session may be free. While KSeF refuses one
// session of the tenant after another, the set should wait for the next try. It should also wait
// when probably no package of the tenant can be sent, provided that something else will notice the
// end of the outage. That can be a poll if the host is down, or a package that is already cut. When
// nothing else would notice the end, the set is cut all the same.
//
// A waiting set is ordered by deadline and takes in whatever comes. Packages that are cut have no
// order. If one package were cut every two minutes in an outage of three days, the invoice that
// came last and is due first would then wait behind two thousand packages.
func (l *laneChooser) holdBack(ctx context.Context, tenant string, k outageProbe) (bool, error) {
	// While KSeF refuses one session of the tenant after another, the waiting invoices stay
	// together in their set. If they were cut, each package would need an attempt of its own, and
	// the packages would never be merged again.
	t, err := l.Ledger.Tenant(ctx, tenant)
	if err != nil {
		return true, err
	}
	if pause := l.rules().TenantRest(t); pause > 0 && l.o.Now().Sub(t.RefusedAt.Time()) < pause {
		return true, nil
	}
	down, host, err := k.bulk(tenant)
	if !down || err != nil {
		return false, err
	}
	// The tenant's sessions are polled, and any answer to a poll shows that the host is back. Only
	// a package shows that the tenant's sessions can be opened, or that the part store takes parts.
	if s := l.polls.share(tenant); host && s.closed+s.open > 0 {
		return true, nil
	}
	fresh, err := k.fresh()
	return fresh[tenant], err
}
