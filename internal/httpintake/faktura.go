package httpintake

import (
	"context"
	"errors"

	"ksefworker/internal/intake"
)

// maker makes XML of the JSON invoices of one call, one after the other.
type maker struct {
	*core
	c *call
	// down has an error for each sending tenant for which the gateway has failed to make XML,
	// although no fault of the invoice is known. The tenant's other invoices in this call do not
	// wait for the gateway again.
	down map[string]error
}

func (m *maker) document(tenant string, faktura []byte) ([]byte, error) {
	var g intake.Generator
	if m.o.Generator != nil {
		g = m
	}
	return intake.FromFaktura(m.c.ctx(), g, m.c.client.admitter.Accounts, tenant, faktura, m.o.Limits.Document)
}

// Generate implements [intake.Generator]. The argument tenant is the tenant that will send the
// invoice, whether the caller named it or not.
func (m *maker) Generate(ctx context.Context, tenant string, faktura []byte) ([]byte, error) {
	key := madeKey(tenant, faktura)
	if doc := m.c.client.made.of(key); doc != nil {
		return doc, nil
	}
	if err := m.down[tenant]; err != nil {
		return nil, err
	}
	doc, err := m.o.Generator.Generate(ctx, tenant, faktura)
	if err == nil {
		m.c.client.made.keep(key, doc)
	}
	if _, unsure := errors.AsType[*intake.UnsureError](err); unsure {
		if m.down == nil {
			m.down = map[string]error{}
		}
		m.down[tenant] = err
		m.o.Log.Warn().Err(err).Str("request_id", m.c.id).Msg("no XML could be made of an invoice that is JSON")
	}
	return doc, err
}
