package login

import (
	"fmt"
	"slices"
)

// Permissions that a login can have in its context, as KSeF names them.
const (
	InvoiceRead           = "InvoiceRead"
	InvoiceWrite          = "InvoiceWrite"
	Introspection         = "Introspection"
	CredentialsRead       = "CredentialsRead"
	CredentialsManage     = "CredentialsManage"
	SubunitManage         = "SubunitManage"
	EnforcementOperations = "EnforcementOperations"
	CollectiveManage      = "CollectiveIdentifierManage"
)

// AllPermissions returns every permission that a token can have, in the contract's order.
func AllPermissions() []string {
	return []string{InvoiceRead, InvoiceWrite, CredentialsRead, CredentialsManage, SubunitManage,
		EnforcementOperations, Introspection, CollectiveManage}
}

// ownPermissions returns the permissions of a taxpayer in its own context. These are all
// permissions except EnforcementOperations.
func ownPermissions() []string {
	return []string{InvoiceRead, InvoiceWrite, CredentialsRead, CredentialsManage, SubunitManage, Introspection, CollectiveManage}
}

// Grant lets a subject act in the context of another taxpayer.
type Grant struct {
	Subject     Identity
	Context     Context
	Permissions []string
}

func (g Grant) validate() error {
	if !g.Context.Valid() {
		return fmt.Errorf("check grant: %s is not a context", g.Context)
	}
	return checkPermissions(g.Permissions)
}

func checkPermissions(names []string) error {
	if len(names) == 0 {
		return fmt.Errorf("check permissions: there is none")
	}
	for _, p := range names {
		if !slices.Contains(AllPermissions(), p) {
			return fmt.Errorf("check permissions: %q is not one of %v", p, AllPermissions())
		}
	}
	return nil
}

// permissionsOf returns what a subject may do in a context. It returns nil when the subject may not
// log in there.
func (d *Desk) permissionsOf(subject Identity, context Context) []string {
	if subject.Type == "Nip" && context.Type == "Nip" && subject.Value == context.Value {
		return ownPermissions()
	}
	var all []string
	for _, g := range d.opts.Grants {
		if g.Subject == subject && g.Context == context {
			all = append(all, g.Permissions...)
		}
	}
	return all
}
