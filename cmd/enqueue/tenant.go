package main

import (
	"fmt"
	"strings"

	"ksefworker/config"
)

// tenant returns the tenant of the configuration with this name or NIP. The parameter what says in
// the error where the name was given.
func (co *core) tenant(what, name string) (config.Tenant, error) {
	switch found := co.cfg.TenantsNamed(name); len(found) {
	case 1:
		return found[0], nil
	case 0:
		return config.Tenant{}, &usageError{what: fmt.Sprintf("%s%q is not in the configuration", what, name),
			hint: "use one of " + titles(co.cfg.Tenants)}
	default:
		return config.Tenant{}, &usageError{what: fmt.Sprintf("%s%q is the NIP of several tenants", what, name),
			hint: "use one of " + titles(found)}
	}
}

// owner returns the name of the tenant that a refused document of this seller belongs to. It
// returns "" when no tenant has the NIP. When several tenants have the NIP, owner returns the NIP,
// because only the sender can say which tenant it is.
func (co *core) owner(nip string) string {
	owner := ""
	for _, t := range co.cfg.Tenants {
		switch {
		case t.NIP != nip:
		case owner != "":
			return nip
		default:
			owner = t.Title()
		}
	}
	return owner
}

func titles(tenants []config.Tenant) string {
	names := make([]string, len(tenants))
	for i, t := range tenants {
		names[i] = t.Title()
	}
	return strings.Join(names, ", ")
}
