package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"ksefworker/config"
	"ksefworker/internal/intake"
	"ksefworker/internal/invoice"
	"ksefworker/internal/tasks"
)

// warningOf is what is odd about a document that was taken, as the end of its line.
func warningOf(a *tasks.Admission) string {
	if a.Warning == nil {
		return ""
	}
	if field, ok := errors.AsType[*invoice.FieldError](a.Warning); ok {
		taken := *field
		taken.Hint = "taken all the same; keep such characters out of the next export"
		return "; warning: " + reasonOf(&taken)
	}
	return "; warning: " + reasonOf(a.Warning)
}

// leaveEmpty says of folders that hold no invoice that they do, and takes them out: a night without
// an invoice is no fault.
func (t *tally) leaveEmpty(p *program, adms []tasks.Admission) []tasks.Admission {
	return slices.DeleteFunc(adms, func(a tasks.Admission) bool {
		problem, ok := errors.AsType[*intake.Problem](a.Err)
		if !ok || !problem.Empty {
			return false
		}
		p.say("%s: %s; nothing to hand in there", a.File, problem.What)
		t.empty++
		return true
	})
}

// knownTenant refuses a name that no tenant has, before anything is read.
func (c *submitCmd) knownTenant(cfg config.Config) error {
	if _, ok := cfg.Tenant(c.Tenant); ok || c.Tenant == "" {
		return nil
	}
	var names []string
	for _, t := range cfg.Tenants {
		names = append(names, t.Title())
	}
	return &usageError{what: fmt.Sprintf("--tenant %q is not in the configuration", c.Tenant), hint: "say one of " + strings.Join(names, ", ")}
}
