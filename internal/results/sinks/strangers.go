package sinks

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"ksefworker/internal/ledger"
)

// A tenant is a stranger when its name means another taxpayer in the ledger than in the
// configuration of this process. The outcomes in the outbox under such a name belong to that other
// taxpayer. This process tells no receiver of them, not even a receiver of all tenants. The program
// behind a receiver knows tenants by their names too, and a result that was told cannot be taken
// back. The outcomes are left behind in the outbox, at a place of their own. They are told when the
// configuration is right again, or by a process whose configuration is right.

// whyStranger says why no results of a stranger are told. The person who reads it may see another
// configuration than this worker's.
func whyStranger(r *round, tenant string) error {
	return fmt.Errorf("tenant %s is NIP %s in the ledger, and NIP %s in the configuration of the worker that serves this receiver: "+
		"correct the nip, or give the tenant a name that no other has had, and restart the worker",
		tenant, r.strangers[tenant], r.Wants.Known[tenant])
}

// findStrangers reads which tenants of the configuration are strangers.
func findStrangers(ctx context.Context, r *round) (err error) {
	r.strangers, err = r.Editor.Ledger.Strangers(ctx, r.Wants.Known)
	return err
}

func (r *round) stranger(tenant string) bool { return r.strangers[tenant] != "" }

// leaveStrangers gives a place of its own in the outbox to each stranger whose results the receiver
// would get, so that the stranger's outcomes are left behind there.
func leaveStrangers(r *round) {
	for tenant := range r.strangers {
		wanted := len(r.Wants.Tenants) == 0 || slices.Contains(r.Wants.Tenants, tenant)
		if st := r.standings[tenant]; wanted && (st == nil || !st.Blocked()) {
			r.standing(tenant).Cursor = cmp.Or(r.state.Cursor, ledger.PlaceOf(time.Time{}))
		}
	}
}

// keepStrangers holds the results of tenants that have become strangers since the round began. A
// name is recorded before anything is taken in under it, so keepStrangers finds every stranger
// whose results this round has read.
func keepStrangers(ctx context.Context, r *round, items []*item) error {
	if err := findStrangers(ctx, r); err != nil {
		return err
	}
	for _, it := range items {
		if e := &it.edited; !e.Gone && r.stranger(e.Tenant) {
			e.Err = whyStranger(r, e.Tenant)
			it.err = e.Err
		}
	}
	return nil
}
