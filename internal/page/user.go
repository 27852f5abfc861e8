package page

import "slices"

// User is somebody who may log in.
type User struct {
	Name     string
	Tenants  []string // the names of those that the user sees; nil: all, and what belongs to no tenant
	Operator bool     // may retry and dismiss
	// Check compares a login. It takes as long for a wrong name as for a wrong password.
	Check func(user, password string) bool
	// Seal returns a digest of text that changes with the password.
	Seal func(text string) string
}

// sees reports whether the user may see what belongs to a tenant; "" is no tenant.
func (u *User) sees(tenant string) bool {
	return u.Tenants == nil || tenant != "" && slices.Contains(u.Tenants, tenant)
}

// All reports whether the user sees every tenant.
func (u *User) All() bool { return u.Tenants == nil }

// local is whoever is at this machine where no login is set.
var local = User{Name: "local", Operator: true}
