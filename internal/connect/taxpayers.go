package connect

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"ksefworker/config"
)

// CheckTaxpayers compares the names of the tenants with those under which the ledger has taken
// invoices in. A name is the key of invoices, holds, refs, limits and receivers. CheckTaxpayers
// writes nothing. It returns a joined error with a [*config.FieldError] for each tenant in one of
// these two cases:
//
//   - A name means another taxpayer in the ledger. That taxpayer's invoices would be shown to the
//     tenant, and those that wait would go into the tenant's sessions.
//   - A tenant was renamed: the configuration lacks a name that the ledger has, and has the NIP of
//     that name only under names that the ledger does not know. What waits under the old name would
//     stay, and holds and counted requests would be forgotten.
func (p *Pool) CheckTaxpayers(ctx context.Context) error {
	nips, err := p.Ledger.Taxpayers(ctx)
	if err != nil {
		return err
	}
	var faults []error
	for i, t := range p.Config.Tenants {
		if was := nips[t.Title()]; was != "" && was != t.NIP {
			faults = append(faults, strangerFault(i, t, was))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(nips)) {
		if _, known := p.Config.Tenant(name); known {
			continue
		}
		now := p.Config.TenantsNamed(nips[name])
		if len(now) == 0 || slices.ContainsFunc(now, func(t config.Tenant) bool { return nips[t.Title()] != "" }) {
			continue
		}
		i := slices.IndexFunc(p.Config.Tenants, func(t config.Tenant) bool { return t.Title() == now[0].Title() })
		faults = append(faults, renamedFault(i, now[0], name, nips[name]))
	}
	return errors.Join(faults...)
}

func nameFault(i int, t config.Tenant, err error) error {
	return &config.FieldError{Field: fmt.Sprintf("tenants[%d].name", i), Value: t.Title(), Err: err}
}

func strangerFault(i int, t config.Tenant, was string) error {
	return nameFault(i, t, fmt.Errorf("means NIP %s in the ledger, and the nip of this tenant is %s: a name means one taxpayer for good, "+
		"so correct the nip, or choose a name that no other taxpayer has had", was, t.NIP))
}

// renamedFault says that a tenant was renamed. was is the old name. A tenant that had no name of
// its own has its NIP as the old name.
func renamedFault(i int, t config.Tenant, was, nip string) error {
	back := "put the old name back"
	if was == nip {
		back = "remove this name (the tenant's name is then its NIP)"
	}
	return nameFault(i, t, fmt.Errorf("is new, and the ledger has invoices of NIP %s under the name %s: a name cannot be changed, so %s",
		nip, was, back))
}

// Stranger says why a tenant of the configuration must be left alone. The name of the tenant means
// another taxpayer in the ledger.
type Stranger struct {
	Means string // the NIP of that other taxpayer
	NIP   string // of the tenant, in the configuration
	Err   error  // names the setting, and says what to do
}

// Strangers returns the tenants of the configuration whose name means another taxpayer in the
// ledger, by name. A process does not start with one. It can only meet one later, when a process
// with another configuration was the first to take invoices in under the name.
func (p *Pool) Strangers(ctx context.Context) (map[string]Stranger, error) {
	return p.strangersAmong(ctx, func(config.Tenant) bool { return true })
}

// Stranger returns the error of [Stranger] for one tenant; nil when its name means no other
// taxpayer, or when no tenant has this name. An invoice is taken in only after the name of its
// tenant was recorded. So nil holds for every invoice that the caller has read before the call.
func (p *Pool) Stranger(ctx context.Context, tenant string) (why, err error) {
	found, err := p.strangersAmong(ctx, func(t config.Tenant) bool { return t.Title() == tenant })
	return found[tenant].Err, err
}

func (p *Pool) strangersAmong(ctx context.Context, these func(config.Tenant) bool) (map[string]Stranger, error) {
	nips := map[string]string{}
	for _, t := range p.Config.Tenants {
		if these(t) {
			nips[t.Title()] = t.NIP
		}
	}
	others, err := p.Ledger.Strangers(ctx, nips)
	if err != nil {
		return nil, err
	}
	found := map[string]Stranger{}
	for i, t := range p.Config.Tenants {
		if was := others[t.Title()]; was != "" {
			found[t.Title()] = Stranger{Means: was, NIP: t.NIP, Err: strangerFault(i, t, was)}
		}
	}
	return found, nil
}
