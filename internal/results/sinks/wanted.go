package sinks

import (
	"errors"
	"slices"
)

// Wanted says whose results a receiver gets.
//
// A result carries the name that its tenant had when the document was handed in. When the name has
// gone from the configuration, the tenant may have another name now, so its NIP counts.
type Wanted struct {
	Tenants []string          // their names; none means all
	Known   map[string]string // the NIP of each tenant of the configuration, by name
}

// want says whether a receiver gets a result.
type want int

const (
	no want = iota
	yes
	// unsure means that the tenant has gone from the configuration, and that its NIP is not known
	// or does not decide, because the receiver gets only some of the tenants that have this NIP.
	unsure
)

// of says whether the receiver gets a result of this tenant. The parameter nip is the seller's, or
// "" when it is not known.
func (w *Wanted) of(tenant, nip string) want {
	if len(w.Tenants) == 0 || slices.Contains(w.Tenants, tenant) {
		return yes
	}
	if tenant == "" || !w.gone(tenant) {
		return no
	}
	mine, others := false, false
	for name, has := range w.Known {
		if has == tenant || has == nip { // a tenant without a name of its own is named by its NIP
			own := slices.Contains(w.Tenants, name)
			mine, others = mine || own, others || !own
		}
	}
	switch {
	case mine && others, !mine && nip == "":
		return unsure
	case mine:
		return yes
	}
	return no
}

// gone reports whether the configuration has no tenant of this name.
func (w *Wanted) gone(tenant string) bool {
	_, known := w.Known[tenant]
	return !known && len(w.Known) > 0
}

// gets reports whether the receiver certainly gets a result.
func (w *Wanted) gets(tenant, nip string) bool { return w.of(tenant, nip) == yes }

// errTenantGone says that it is not certain any more who gets a result.
var errTenantGone = errors.New("the configuration no longer has the tenant of this result: put the tenant's name back, " +
	"or let this receiver have the results of all tenants")

// keepOrphans holds results instead of dropping them, if the receiver was meant to get them and
// their tenant has gone from the configuration. These results are given up after three days, so
// that a person learns of them.
func keepOrphans(r *round, items []*item) {
	more := map[string]int{}
	for _, it := range items {
		e := &it.edited
		if !e.Unwanted || !r.Wants.gone(e.Tenant) {
			continue
		}
		before := !it.fresh || r.standings[e.Tenant] != nil // the receiver got results of this tenant
		if !before && r.Wants.of(e.Tenant, e.NIP) != unsure {
			continue
		}
		e.Gone, e.Err, it.err = false, errTenantGone, errTenantGone
		if it.Err != errTenantGone.Error() {
			more[e.Tenant]++
		}
	}
	for tenant, n := range more {
		r.Log.Error().Str("receiver", r.Name).Str("tenant", tenant).Int("results", n).
			Msg("the configuration has no tenant of this name any more, and this receiver was to get its results; they are held for three days")
	}
}
