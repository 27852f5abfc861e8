package ledger

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

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
	bound map[string]string // name → NIP, of names that meant this process's own taxpayers when Redis was asked last
	asked time.Time         // when bound was last emptied
	claim *claim            // the claim of that time; after a new one, Redis may have been emptied, and bound is forgotten
	known map[string]string // name → NIP, as this process has read it from Redis last
}

// boundFor is how long a process trusts what it knows of its own names. After a failover, or when
// an older Redis was restored, Redis may lack a name that it had. Then the name is recorded again.
const boundFor = 10 * time.Second

// Taxpayers reads the NIP of each name under which the ledger has taken an invoice in. While the
// key is sick, the result is what this process has read before. The sweep reports the key, and
// other work goes on.
func (ts *TaxpayerStore) Taxpayers(ctx context.Context) (map[string]string, error) {
	all, err := ts.rdb.HGetAll(ctx, ts.key(keyTaxpayers)).Result()
	if err != nil && !wrongType(err) {
		return nil, fmt.Errorf("read which taxpayers the names of tenants mean: %w", err)
	}
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if err == nil {
		ts.known = maps.Clone(all)
	}
	return maps.Clone(ts.known), nil
}

// Strangers returns the names that mean another taxpayer than nips says, each with the NIP of that
// other taxpayer. It records nothing. It asks Redis only about names that this process has not
// lately found to mean these taxpayers. While the key is sick, it uses what this process has read
// before.
func (ts *TaxpayerStore) Strangers(ctx context.Context, nips map[string]string) (others map[string]string, err error) {
	fresh := ts.unbound(nips)
	if len(fresh) == 0 {
		return nil, nil
	}
	names := slices.Sorted(maps.Keys(fresh))
	there, err := ts.rdb.HMGet(ctx, ts.key(keyTaxpayers), names...).Result()
	switch {
	case wrongType(err):
		return ts.knownOthers(fresh), nil
	case err != nil:
		return nil, fmt.Errorf("read which taxpayers the names of tenants mean: %w", err)
	}
	found := map[string]string{}
	for i, name := range names {
		if nip, ok := there[i].(string); ok {
			found[name] = nip
		}
	}
	return ts.compare(fresh, found), nil
}

// Bind records the NIP of each name of a tenant, before an invoice is taken in under the name. The
// result has the names that already mean another taxpayer, each with the NIP of that other
// taxpayer. Nothing may be taken in under these names. Bind asks Redis only about names that this
// process has not bound lately. While the key is sick, no name is recorded, and Bind uses what this
// process has read before.
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
		return ts.knownOthers(fresh), nil
	} else if err != nil {
		return nil, fmt.Errorf("record which taxpayers the names of tenants mean: %w", err)
	}
	found := map[string]string{}
	for i, name := range names {
		found[name] = there[i].Val()
	}
	return ts.compare(fresh, found), nil
}

// compare remembers what was found in Redis of the names in nips. It returns the names that mean
// another taxpayer than nips says.
func (ts *TaxpayerStore) compare(nips, found map[string]string) (others map[string]string) {
	others = map[string]string{}
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if ts.known == nil {
		ts.known = map[string]string{}
	}
	for name, mine := range nips {
		switch nip := found[name]; nip {
		case "":
			delete(ts.known, name)
		case mine:
			ts.known[name], ts.bound[name] = nip, nip
		default:
			ts.known[name], others[name] = nip, nip
		}
	}
	return others
}

// knownOthers returns the names that mean another taxpayer than nips says, as far as this process
// has read before.
func (ts *TaxpayerStore) knownOthers(nips map[string]string) map[string]string {
	others := map[string]string{}
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for name, nip := range nips {
		if was := ts.known[name]; was != "" && was != nip {
			others[name] = was
		}
	}
	return others
}

// unbound returns the names that this process has not lately found to mean these taxpayers.
func (ts *TaxpayerStore) unbound(nips map[string]string) map[string]string {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if now := ts.home.claimed.Load(); ts.bound == nil || ts.claim != now || time.Since(ts.asked) >= boundFor {
		ts.bound, ts.asked, ts.claim = map[string]string{}, time.Now(), now
	}
	fresh := map[string]string{}
	for name, nip := range nips {
		if ts.bound[name] != nip {
			fresh[name] = nip
		}
	}
	return fresh
}
