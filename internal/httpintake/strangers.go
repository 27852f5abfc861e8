package httpintake

import (
	"maps"
	"slices"
	"time"

	"ksefworker/internal/intake"
)

// strangers are a client's tenants whose names mean other taxpayers in the ledger. A process whose
// tenant is a stranger does not start. But while it runs, a process with a different configuration
// may be the first to take an invoice in under the name. A client is shown nothing of its
// strangers.
//
// The ledger is asked at the beginning of each call, and again between the last read and the
// answer. An invoice is taken in only after its name was recorded. So if the second question finds
// no new stranger, nothing that was read in between belongs to another taxpayer. Names that the
// ledger already has for the configured taxpayer are not asked for again for a few seconds, because
// they mean this taxpayer for good.
type strangers map[string]string

func (co *core) strangersOf(c *call) (strangers, error) {
	others, err := co.o.Ledger.Strangers(c.ctx(), c.client.nips)
	if err != nil {
		return nil, notNow(err)
	}
	return others, nil
}

// nipsOf returns the NIP of each tenant of a client, by name.
func nipsOf(accounts []intake.Account) map[string]string {
	nips := make(map[string]string, len(accounts))
	for _, a := range accounts {
		nips[a.Name] = a.NIP
	}
	return nips
}

// settled returns a problem if a tenant of the client has become a stranger since the call began.
// The entries that the call has read may then belong to another taxpayer. On a route that anybody
// may call, settled returns nil.
func (c *call) settled() error {
	if c.look == nil {
		return nil
	}
	now, err := c.look()
	if err != nil {
		return err
	}
	if !maps.Equal(now, c.strangers) {
		return strangerFound
	}
	return nil
}

// tenants returns the client's tenants without the strangers.
func (c *call) tenants() []string {
	if len(c.strangers) == 0 {
		return c.client.Tenants
	}
	return slices.DeleteFunc(slices.Clone(c.client.Tenants), c.stranger)
}

func (c *call) stranger(tenant string) bool { return c.strangers[tenant] != "" }

// owns reports whether a tenant is the client's, and no stranger.
func (c *call) owns(tenant string) bool {
	return slices.Contains(c.client.Tenants, tenant) && !c.stranger(tenant)
}

// maySee reports whether the client may be told of an entry of this tenant. "" means that the
// tenant is not known. Only a client that has all tenants of the pool may see such an entry, and
// only while no tenant is a stranger.
func (c *call) maySee(tenant string) bool {
	return c.owns(tenant) || tenant == "" && c.client.ownsAll && len(c.strangers) == 0
}

// complete returns a problem if one of these tenants is a stranger. A list or a page of events is
// then refused as a whole. Otherwise a program would go on from a place after the entries that are
// hidden here, and would miss them even at a server whose configuration is right.
func (c *call) complete(tenants []string) error {
	if slices.ContainsFunc(tenants, c.stranger) {
		return strangerFound
	}
	return nil
}

// strangerFound says nothing of the other taxpayer.
var strangerFound = &problem{kind: unavailable, after: time.Minute, detail: text{
	en: "the configuration of this server gives the name of one of your tenants to a different taxpayer than the ledger does: its operator has " +
		"to correct that; keep your cursor and call again later, nothing is skipped",
	pl: "konfiguracja tego serwera nadaje nazwę jednego z Twoich podatników innemu podatnikowi niż rejestr: musi to poprawić " +
		"administrator serwera; zachowaj kursor i wywołaj ponownie później, nic nie zostanie pominięte"}}
