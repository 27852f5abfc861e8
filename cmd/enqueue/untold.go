package main

import (
	"context"
	"strings"

	"ksefworker/internal/ledger"
)

// untold are the tenants of which the worker that serves a receiver tells it nothing, whatever the
// receiver answers.
type untold []struct{ tenant, why string }

// untold reads for which tenants a receiver is told nothing.
func (p *program) untold(ctx context.Context, receiver string) (untold, error) {
	standings, err := p.base.Ledger.Standings(ctx, receiver)
	if err != nil {
		return nil, err
	}
	var out untold
	for _, tenant := range ledger.NotTold(standings) {
		if why := standings[tenant].Err; why != "" {
			out = append(out, struct{ tenant, why string }{tenant, why})
		}
	}
	return out, nil
}

// except takes these tenants out of what a person is promised; "" when there are none.
func (u untold) except() string {
	if len(u) == 0 {
		return ""
	}
	names := make([]string, len(u))
	for i := range u {
		names[i] = u[i].tenant
	}
	return "; nothing of " + strings.Join(names, ", ")
}

// say tells why.
func (u untold) say(p *program) {
	for _, t := range u {
		p.say("results of %s wait: %s", t.tenant, t.why)
	}
}
