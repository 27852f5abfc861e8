package intake

import (
	"context"
	"fmt"

	"ksefworker/internal/ledger"
)

// taxpayers is the part of the ledger that knows which taxpayer each name means.
type taxpayers interface {
	Bind(ctx context.Context, nips map[string]string) (others map[string]string, err error)
}

// withoutStrangers takes out the invoices of tenants whose name means another taxpayer in the
// ledger. The invoices have no fault, and are taken once the configuration is right. A process does
// not start if the ledger contradicts its configuration. But two processes may have started with an
// empty ledger, and with configurations that contradict each other. The place of sound[i] in out is
// at[i]. The results are the invoices that pass, and their places.
func withoutStrangers(
	ctx context.Context, names taxpayers, confined bool, sound []ledger.NewInvoice, at []int, out []Admission,
) ([]ledger.NewInvoice, []int, error) {
	nips := map[string]string{}
	for i := range sound {
		nips[sound[i].Tenant] = sound[i].ContextNIP()
	}
	others, err := names.Bind(ctx, nips)
	if err != nil || len(others) == 0 {
		return sound, at, err
	}
	kept, places := sound[:0:0], at[:0:0]
	for i := range sound {
		name := sound[i].Tenant
		was, stranger := others[name]
		if !stranger {
			kept, places = append(kept, sound[i]), append(places, at[i])
			continue
		}
		o := &out[at[i]]
		o.Taken = ledger.Refused
		if confined {
			// Another program hands the document in. The NIP of the other taxpayer does not concern
			// it.
			o.Err = &UnsureError{
				What: fmt.Sprintf("tenant %s cannot be used here: its name means another taxpayer in the ledger, "+
					"ask whoever runs this service", name)}
			continue
		}
		o.Err = &UnsureError{
			What: fmt.Sprintf("tenant %s is NIP %s in the ledger, and NIP %s in this configuration: correct the NIP, "+
				"or give the tenant a name that no other taxpayer has had", name, was, nips[name])}
	}
	return kept, places, nil
}
