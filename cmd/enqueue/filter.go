package main

import (
	"fmt"
	"time"

	"ksefworker/internal/inquiry"
	"ksefworker/internal/results"
)

// filter holds the flags that say which documents a list shows.
type filter struct {
	Tenant string `help:"Only this tenant, by its name or NIP." placeholder:"NAME"`
	Day    string `help:"Only invoices of this issue date (P_1), 2026-11-23." placeholder:"D"`
	Number string `help:"Only numbers (P_2) that begin with this." placeholder:"P_2"`
}

func (f *filter) check() error {
	if f.Day == "" {
		return nil
	}
	if _, err := time.Parse(time.DateOnly, f.Day); err != nil {
		return &usageError{what: fmt.Sprintf("--day %q is not a date", f.Day), hint: "use 2026-11-23"}
	}
	return nil
}

// of returns the filter that the flags describe. A NIP means every tenant that has it. A name that
// is not in the configuration is used as it is, because a tenant that was removed may still have
// invoices.
func (f *filter) of(p *program) inquiry.Filter {
	out := inquiry.Filter{Day: f.Day, Number: f.Number}
	if f.Tenant == "" {
		return out
	}
	for _, t := range p.cfg.TenantsNamed(f.Tenant) {
		out.Tenants = append(out.Tenants, t.Title())
	}
	if len(out.Tenants) == 0 {
		out.Tenants = []string{f.Tenant}
	}
	return out
}

// unknown returns an error when a list came out empty and the configuration has no tenant with the
// name in --tenant, which may be misspelt.
func (f *filter) unknown(p *program, shown int) error {
	if f.Tenant == "" || shown > 0 || len(p.cfg.TenantsNamed(f.Tenant)) > 0 {
		return nil
	}
	_, err := p.tenant("--tenant ", f.Tenant)
	return err
}

// passes reports whether the filter shows r, a document without a KSeF number.
func passes(f *inquiry.Filter, r *results.Result) bool {
	return f.OfTenant(r.Tenant) && f.MatchText(r.IssueDate, r.Number, "")
}
