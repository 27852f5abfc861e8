package main

import (
	"context"
	"strings"

	"ksefworker/internal/ledger"
)

// untold are the tenants whose results a receiver is not told, because the worker that serves the
// receiver cannot tell them.
type untold []untoldTenant

type untoldTenant struct {
	tenant, why string
	some        bool // some results of the tenant are told, and others are not
}

// untold returns the tenants whose results a receiver is not told, with the reasons.
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

// except returns the end of a message that promises results. It names the tenants of which the
// receiver is told nothing, and is "" when there are none.
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

// say tells a person why the results of these tenants wait.
func (u untold) say(p *program) {
	for _, t := range u {
		p.say("results of %s wait: %s", t.tenant, t.why)
	}
}
