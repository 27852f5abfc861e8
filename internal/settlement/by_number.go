package settlement

import (
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

// maxByNumber is the most invoices of a package that are asked for one by one, mostly with one
// request each. KSeF takes 20 such requests an hour. If there are more, all of them are searched
// for in one pass through the register. Such a pass begins at a day and needs one request for each
// 250 invoices that the taxpayer has issued since that day.
const maxByNumber = 8

// ByNumber reports whether the register can be asked for each of these invoices by its number. They
// must be few, and KSeF must have each number as it is in the document. KSeF normalises white
// space, and it is not published whether the register's filter for numbers does so too. So ByNumber
// returns false when normalising would change one of the numbers.
func ByNumber(want []*ledger.Invoice) bool {
	for _, inv := range want {
		if NormalName(inv.Number) != inv.Number {
			return false
		}
	}
	return len(want) > 0 && len(want) <= maxByNumber
}

// NumberRequests returns the requests that find an invoice by its number. There is one for each
// [registerSpan] since the issue date (P_1), so mostly there is only one.
func NumberRequests(inv *ledger.Invoice, now time.Time) ([]ksef.MetadataRequest, error) {
	from, err := firstDay([]*ledger.Invoice{inv})
	if err != nil {
		return nil, err
	}
	var all []ksef.MetadataRequest
	for from = minTime(from, now); ; from = from.Add(registerSpan) {
		to := minTime(from.Add(registerSpan), now)
		all = append(all, ksef.MetadataRequest{
			SubjectType: SubjectOf(inv), Range: ksef.Between(from, to), PageSize: registerPage, SortAsc: true, InvoiceNumber: inv.Number,
		})
		if !to.Before(now) {
			return all, nil
		}
	}
}

func minTime(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// RestAfterSearch returns how long to wait before the next search in the register, when invoices
// are still missing. giveUp ends the search. It is set an hour after the package was closed,
// because an invoice appears in the register within an hour.
func RestAfterSearch(p ledger.Package, now time.Time) (rest time.Duration, giveUp bool) {
	if now.Sub(p.ClosingAt.Time()) < registerDelay {
		return PassRest(p.Passes), false
	}
	return 0, true
}
