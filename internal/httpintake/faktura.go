package httpintake

import (
	"errors"

	"ksefworker/internal/intake"
)

// maker makes XML of the invoices of one call that are JSON, one after the other.
type maker struct {
	*core
	c *call
	// down is why the gateway could not be asked, by the tenant that was named. The rest of the
	// call does not wait for it again and again.
	down map[string]error
}

func (m *maker) document(tenant string, faktura []byte) ([]byte, error) {
	if err := m.down[tenant]; err != nil {
		return nil, err
	}
	doc, err := intake.FromFaktura(m.c.ctx(), m.o.Generator, m.c.client.admitter.Accounts, tenant, faktura, m.o.Limits.Document)
	if _, unsure := errors.AsType[*intake.UnsureError](err); unsure {
		if m.down == nil {
			m.down = map[string]error{}
		}
		m.down[tenant] = err
		m.o.Log.Warn().Err(err).Str("request_id", m.c.id).Msg("no XML could be made of an invoice that is JSON")
	}
	return doc, err
}
