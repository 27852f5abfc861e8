package page

import "slices"

// Grant is what those in a group of the provider may see and do.
type Grant struct {
	Group    string
	Tenants  []string // the names of those that they see; nil: all, and what belongs to no tenant
	Operator bool     // they may retry and dismiss there
}

// granted returns a user with all that the groups of a person give together; nil when they give
// nothing. A role counts for the tenants of its own grant: an operator of one tenant who sees
// another one cannot act on that.
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

// both returns the tenants of two lists, of which nil is all.
func both(a, b []string) []string {
	if a == nil || b == nil {
		return nil
	}
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// granting returns those of the groups that give something, in the order of the grants.
func granting(groups []string, grants []Grant) []string {
	var some []string
	for _, g := range grants {
		if slices.Contains(groups, g.Group) && !slices.Contains(some, g.Group) {
			some = append(some, g.Group)
		}
	}
	return some
}
