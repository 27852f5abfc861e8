package main

import (
	"context"
	"strings"

	"ksefworker/internal/ledger"
)

// untold are the tenants of which the worker that serves a receiver tells it nothing, whatever the
// receiver answers.
type untold []untoldTenant

type untoldTenant struct {
	tenant, why string
	some        bool // other results of the tenant are told
}

// untold reads for which tenants a receiver is told nothing.
func (p *program) untold(ctx context.Context, receiver string) (untold, error) {
	standings, err := p.base.Ledger.Standings(ctx, receiver)
	if err != nil {
		return nil, err
	}
	var out untold
	for _, tenant := range ledger.NotTold(standings) {
		if why := standings[tenant].Err; why != "" {
			out = append(out, untoldTenant{tenant, why, standings[tenant].Sick})
		}
	}
	return out, nil
}

// except takes these tenants out of what a person is promised; "" when there are none.
func (u untold) except() string {
	var names []string
	for _, t := range u {
		if !t.some {
			names = append(names, t.tenant)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "; nothing of " + strings.Join(names, ", ")
}

// say tells why.
func (u untold) say(p *program) {
	for _, t := range u {
		p.say("results of %s wait: %s", t.tenant, t.why)
	}
}
