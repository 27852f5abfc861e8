package page

import "slices"

// Stranger is a tenant of the configuration whose name means another taxpayer in the ledger. The
// ledger's records under the name belong to that other taxpayer. So no user of this tenant sees
// them, and nobody acts on them here. A user who sees all tenants still sees them, with a notice.
type Stranger struct {
	Name  string
	NIP   string // in the configuration
	Means string // the NIP that the name means in the ledger
}

// without returns the user as one who sees nothing of these tenants. A user who sees all tenants
// still sees them.
func (u *User) without(strangers []Stranger) *User {
	if len(strangers) == 0 {
		return u
	}
	less := *u
	less.Tenants, less.ActsFor = others(u.Tenants, strangers), others(u.ActsFor, strangers)
	return &less
}

// others returns the tenants that are not strangers. It returns nil, which stands for all tenants,
// if and only if tenants is nil.
func others(tenants []string, strangers []Stranger) []string {
	if tenants == nil {
		return nil
	}
	some := []string{}
	for _, name := range tenants {
		if !isStranger(name, strangers) {
			some = append(some, name)
		}
	}
	return some
}

func isStranger(name string, strangers []Stranger) bool {
	return slices.ContainsFunc(strangers, func(s Stranger) bool { return s.Name == name })
}

// Strangers are the strangers among the tenants that the visitor would see otherwise.
func (v *visit) Strangers() []Stranger { return v.strangers }

// stranger returns the NIP that the name of a tenant means in the ledger, if the tenant is a
// stranger; otherwise "".
func (v *visit) stranger(name string) string {
	for _, s := range v.strangers {
		if s.Name == name {
			return s.Means
		}
	}
	return ""
}

// meet finds out which of the visitor's tenants are strangers, and takes from the visitor what the
// visitor may not see or do because of them.
func (v *visit) meet(u *User) *User {
	if v.p.o.Strangers == nil {
		return u
	}
	for _, s := range v.p.o.Strangers(v.ctx()) {
		if u.sees(s.Name) {
			v.strangers = append(v.strangers, s)
		}
	}
	return u.without(v.strangers)
}
