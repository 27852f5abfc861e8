package connect

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"ksefworker/config"
)

// CheckTaxpayers returns an error when the configuration gives a name to one taxpayer and the
// ledger has invoices of another taxpayer under that name. The taxpayer of the configuration would
// then see the invoices of the other. Invoices of the other that still wait would be sent in the
// sessions of the wrong taxpayer. The error is a [*config.FieldError]. CheckTaxpayers writes
// nothing.
func (p *Pool) CheckTaxpayers(ctx context.Context) error {
	nips, err := p.Ledger.Taxpayers(ctx)
	if err != nil {
		return err
	}
	for i, t := range p.Config.Tenants {
		for k, name := range t.Names() {
			was := nips[name]
			if was == "" || was == t.NIP {
				continue
			}
			field := fmt.Sprintf("tenants[%d].name", i)
			if k > 0 {
				field = fmt.Sprintf("tenants[%d].former_names[%d]", i, k-1)
			}
			return &config.FieldError{Field: field, Value: name, Err: fmt.Errorf(
				"means NIP %s in the ledger, and the nip of this tenant is %s: a name means one taxpayer for good, "+
					"so choose a name that no other has had", was, t.NIP)}
		}
	}
	return nil
}

// Renamed describes tenants whose name has changed, although nothing in the configuration says so:
// the ledger has invoices under a name that the configuration does not have, but the configuration
// has the NIP of these invoices under another name. The result has a line for each name that is
// missing.
func (p *Pool) Renamed(ctx context.Context) ([]string, error) {
	nips, err := p.Ledger.Taxpayers(ctx)
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(nips)) {
		if _, known := p.Config.Tenant(name); known {
			continue
		}
		if now := p.Config.TenantsNamed(nips[name]); len(now) > 0 {
			lines = append(lines, fmt.Sprintf("the ledger has invoices of NIP %s under the name %s, which no tenant has: "+
				"if tenant %s had this name before, write former_names: [%q] there, so that its programs, people and receivers "+
				"keep what they had", nips[name], name, now[0].Title(), name))
		}
	}
	return lines, nil
}
