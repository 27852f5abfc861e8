package page

import "slices"

// User is somebody who may log in.
type User struct {
	Name     string
	Tenants  []string // the names of the tenants that the user sees; nil: all, and what belongs to no tenant
	Operator bool     // may act, for example retry and dismiss
	// ActsFor lists the tenants among Tenants on whose invoices an operator may act. If it is nil,
	// an operator may act on everything that the user sees.
	ActsFor []string
	// Provider says that the provider of logins named the user. In that case Check and Seal are
	// nil.
	Provider bool
	// Check reports whether these are the name and the password of the user. It takes as long for a
	// wrong name as for a wrong password.
	Check func(user, password string) bool
	// Seal returns a digest of text. The digest changes with the password.
	Seal func(text string) string
}

// sees reports whether the user may see what belongs to a tenant; "" means no tenant.
func (u *User) sees(tenant string) bool {
	return u.Tenants == nil || tenant != "" && slices.Contains(u.Tenants, tenant)
}

// acts reports whether the user may act on what belongs to a tenant; "" means no tenant.
func (u *User) acts(tenant string) bool {
	return u.Operator && u.sees(tenant) && (u.ActsFor == nil || tenant != "" && slices.Contains(u.ActsFor, tenant))
}

// acting returns the user for a request that changes something. The returned user sees only the
// tenants on whose invoices the operator may act. So the request cannot find what the operator may
// only look at. acting returns u if u is not an operator or if ActsFor is nil.
func (u *User) acting() *User {
	if !u.Operator || u.ActsFor == nil {
		return u
	}
	less := *u
	less.Tenants, less.ActsFor = u.ActsFor, nil
	return &less
}

// Supervises reports whether the user sees everything and may act on it.
func (u *User) Supervises() bool { return u.Operator && u.Tenants == nil && u.ActsFor == nil }

// All reports whether the user sees every tenant.
func (u *User) All() bool { return u.Tenants == nil }

// local is the user of a page without a login. It stands for anybody at this machine.
var local = User{Name: "local", Operator: true}
