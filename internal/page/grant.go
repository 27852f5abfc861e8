package page

import "slices"

// Grant is what the members of one of the provider's groups may see and do.
type Grant struct {
	Group    string
	Tenants  []string // the tenants that they see; nil: all, and what belongs to no tenant
	Operator bool     // they may act there, for example retry and dismiss
}

// granted returns a user with everything that the groups of a person grant together, or nil when
// they grant nothing. Operator counts only for the tenants of the same grant. For example, an
// operator of tenant A who only sees tenant B cannot act on B.
func granted(name string, groups []string, grants []Grant) *User {
	u := &User{Name: name, Provider: true, Tenants: []string{}, ActsFor: []string{}}
	some := false
	for _, g := range grants {
		if !slices.Contains(groups, g.Group) {
			continue
		}
		some = true
		u.Tenants = both(u.Tenants, g.Tenants)
		if g.Operator {
			u.Operator = true
			u.ActsFor = both(u.ActsFor, g.Tenants)
		}
	}
	if !some {
		return nil
	}
	return u
}

// both returns the tenants that are in at least one of two lists. A nil list stands for all
// tenants.
func both(a, b []string) []string {
	if a == nil || b == nil {
		return nil
	}
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// granting returns those of the groups that have a grant, in the order of the grants.
func granting(groups []string, grants []Grant) []string {
	var some []string
	for _, g := range grants {
		if slices.Contains(groups, g.Group) && !slices.Contains(some, g.Group) {
			some = append(some, g.Group)
		}
	}
	return some
}
