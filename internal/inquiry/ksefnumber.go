package inquiry

import (
	"context"
	"strings"
	"time"

	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
)

// FindKsefNumber returns the invoices in this state whose KSeF number is name. name may be in any
// spelling and in upper or lower case. For a name that is not a KSeF number, FindKsefNumber returns
// none. Only invoices of the given tenants are returned, or of all tenants when none is given.
//
// The ledger has no index of KSeF numbers. So FindKsefNumber reads the invoices in that state that
// have changed since the day before the number's own date. Invoices in [ledger.Accepted] are few,
// because they wait for their receipts. Invoices in [ledger.Receipted] are in the archive too, and
// a search there is faster.
func (r *Reader) FindKsefNumber(ctx context.Context, name string, state ledger.State, tenants ...string) ([]ledger.Invoice, error) {
	number, err := invoice.ParseKsefNumber(strings.ToUpper(strings.TrimSpace(name)))
	if err != nil {
		return nil, nil // it is not a KSeF number
	}
	canonical := number.Canonical()
	day, _ := time.Parse(time.DateOnly, number.Date) // a KSeF number has a valid day
	wanted := Filter{State: state, Tenants: tenants,
		KsefNumber: canonical[:len("5265877635-20261126-")]} // the same in every spelling
	var found []ledger.Invoice
	for page, err := range r.ahead(ctx, day.AddDate(0, 0, -1), wanted) {
		if err != nil {
			return nil, err
		}
		for i := range page {
			if invoice.CanonicalKsefNumber(page[i].KsefNumber) == canonical {
				found = append(found, page[i])
			}
		}
	}
	return found, nil
}
