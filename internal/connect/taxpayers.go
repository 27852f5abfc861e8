package connect

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"ksefworker/config"
)

// CheckTaxpayers compares the names of the tenants with those under which the ledger has taken
// invoices in. A name is the key of invoices, holds, refs, limits and receivers. It returns a
// [*config.FieldError] in two cases, and writes nothing:
//
//   - A name means another taxpayer in the ledger. That taxpayer's invoices would be shown to the
//     tenant, and those that wait would go into the tenant's sessions.
//   - A tenant was renamed: the configuration lacks a name that the ledger has, and the NIP of that
//     name is there only under names that are new. What waits under the old name would stay, and
//     holds and counted requests would be forgotten.
func (p *Pool) CheckTaxpayers(ctx context.Context) error {
	nips, err := p.Ledger.Taxpayers(ctx)
	if err != nil {
		return err
	}
	for i, t := range p.Config.Tenants {
		if err := stranger(t, nips); err != nil {
			return nameFault(i, t, err)
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
		return nameFault(i, now[0], fmt.Errorf(
			"is new, and the ledger has invoices of NIP %s under the name %s: a name cannot be changed, so put that one back", nips[name], name))
	}
	return nil
}

func nameFault(i int, t config.Tenant, err error) error {
	return &config.FieldError{Field: fmt.Sprintf("tenants[%d].name", i), Value: t.Title(), Err: err}
}

// Strangers returns the tenants of the configuration whose name means another taxpayer in the
// ledger, each with the reason. A process does not start with one. It can only meet one later, when
// a process with another configuration was the first to take invoices in under the name.
func (p *Pool) Strangers(ctx context.Context) (map[string]error, error) {
	nips, err := p.Ledger.Taxpayers(ctx)
	if err != nil {
		return nil, err
	}
	found := map[string]error{}
	for i, t := range p.Config.Tenants {
		if err := stranger(t, nips); err != nil {
			found[t.Title()] = nameFault(i, t, err)
		}
	}
	return found, nil
}

func stranger(t config.Tenant, nips map[string]string) error {
	if was := nips[t.Title()]; was != "" && was != t.NIP {
		return fmt.Errorf("means NIP %s in the ledger, and the nip of this tenant is %s: a name means one taxpayer for good, "+
			"so choose one that no other has had", was, t.NIP)
	}
	return nil
}
