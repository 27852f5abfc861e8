package ledger

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/redis/go-redis/v9"
)

// TaxpayerStore keeps which taxpayer each name of a tenant means.
//
// The entries, the refusals, the outbox and the receivers know a tenant by its name. If the
// configuration gave the name to another taxpayer, the new one would see the invoices of the old
// one, and the old one's waiting invoices would go into the new one's sessions. So the ledger keeps
// for each name the NIP of the taxpayer for whom it first took an invoice in under this name. The
// name means this taxpayer as long as the ledger exists.
type TaxpayerStore struct {
	*store
	home *HomeStore

	mu    sync.Mutex
	bound map[string]string // name → NIP, as this process has seen it in Redis
	claim *claim            // the claim of that time; after a new one, Redis may have been emptied, and bound is forgotten
}

// Taxpayers reads the NIP of each name under which the ledger has taken an invoice in. The result
// is empty when the key is sick: the sweep reports that, and other work goes on.
func (ts *TaxpayerStore) Taxpayers(ctx context.Context) (map[string]string, error) {
	all, err := ts.rdb.HGetAll(ctx, ts.key(keyTaxpayers)).Result()
	if err != nil && !wrongType(err) {
		return nil, fmt.Errorf("read which taxpayers the names of tenants mean: %w", err)
	}
	return all, nil
}

// Bind records the NIP of each name of a tenant, before an invoice is taken in under the name. The
// result has the names that already mean another taxpayer, each with the NIP of that other
// taxpayer. Nothing may be taken in under these names. Bind asks Redis only about names that this
// process has not bound yet. When the key is sick, no name is recorded or compared.
func (ts *TaxpayerStore) Bind(ctx context.Context, nips map[string]string) (others map[string]string, err error) {
	fresh := ts.unbound(nips)
	if len(fresh) == 0 {
		return nil, nil
	}
	names := slices.Sorted(maps.Keys(fresh))
	there := make([]*redis.StringCmd, len(names))
	if _, err := ts.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, name := range names {
			p.HSetNX(ctx, ts.key(keyTaxpayers), name, fresh[name])
			there[i] = p.HGet(ctx, ts.key(keyTaxpayers), name)
		}
		return nil
	}); wrongType(err) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("record which taxpayers the names of tenants mean: %w", err)
	}
	others = map[string]string{}
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for i, name := range names {
		if nip := there[i].Val(); nip != fresh[name] {
			others[name] = nip
		} else {
			ts.bound[name] = nip
		}
	}
	return others, nil
}

// unbound returns the names that this process has not bound to these taxpayers yet.
func (ts *TaxpayerStore) unbound(nips map[string]string) map[string]string {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if now := ts.home.claimed.Load(); ts.bound == nil || ts.claim != now {
		ts.bound, ts.claim = map[string]string{}, now
	}
	fresh := map[string]string{}
	for name, nip := range nips {
		if ts.bound[name] != nip {
			fresh[name] = nip
		}
	}
	return fresh
}
