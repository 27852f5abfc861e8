package httpintake

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"ksefworker/internal/inquiry"
	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

// filter is what a list is asked for.
type filter struct {
	ref, number, ksefNumber        string
	numberPrefix, ksefNumberPrefix string
	day                            string // P_1
	state                          string
	tenants                        []string      // the client's tenants, or the one that was asked for
	asked                          []string      // the same tenants, including strangers
	since                          ledger.Millis // as it was asked for, whatever the cursor is
	from                           ledger.Place
	limit                          int
}

func (l *listing) filterOf(c *call) (filter, error) {
	f := filter{tenants: c.tenants(), asked: c.client.Tenants, limit: pageSize}
	var since, cursor *ledger.Place
	err := listParameters.each(c.r.URL.RawQuery, func(name, value string) bool {
		ok := value != ""
		switch name {
		case "ref":
			f.ref, ok = value, ok && intake.CheckRef(value) == nil
		case "number":
			f.number = value
		case "ksef_number":
			f.ksefNumber = value
		case "number_prefix":
			f.numberPrefix = value
		case "ksef_number_prefix":
			f.ksefNumberPrefix = value
		case "day":
			_, err := time.Parse(time.DateOnly, value)
			f.day, ok = value, err == nil
		case "state":
			f.state = value
			ok = value == results.Refused || slices.Contains(ledger.States(), ledger.State(value))
		case "tenant":
			value = intake.TenantOf(c.client.admitter.Accounts, value)
			f.tenants, f.asked, ok = []string{value}, []string{value}, slices.Contains(c.client.Tenants, value)
		case "since":
			var at time.Time
			at, ok = intake.ParseTime(value, false)
			since = &ledger.Place{At: ledger.At(at)}
		case "cursor": // an empty one is the beginning
			var at ledger.Place
			if ok = true; value != "" {
				at, ok = placeOf(value)
				cursor = &at
			}
		case "limit":
			var err error
			f.limit, err = strconv.Atoi(value)
			ok = err == nil && f.limit >= 1 && f.limit <= maxPageSize
		}
		return ok
	})
	if err != nil {
		return f, err
	}
	if since != nil {
		f.since = since.At
	}
	for _, at := range []*ledger.Place{since, cursor} { // a cursor takes precedence over since
		if at != nil {
			f.from = *at
		}
	}
	if f.state == results.Refused && f.ref == "" && f.number == "" {
		return f, bad("refused documents are not invoices: ask for them by ref or number",
			"odrzucone dokumenty nie są fakturami: pytaj o nie przez ref lub number")
	}
	return f, nil
}

func (f *filter) match(inv *ledger.Invoice) bool {
	return slices.Contains(f.tenants, inv.Tenant) &&
		(f.state == "" || f.state == string(inv.State)) &&
		(f.ref == "" || f.ref == inv.Ref) &&
		(f.number == "" || inquiry.SameNumber(f.number, inv.Number)) &&
		(f.ksefNumber == "" || f.ksefNumber == inv.KsefNumber) &&
		(f.day == "" || f.day == inv.IssueDate) &&
		inquiry.NumberBegins(inv.Number, f.numberPrefix) && strings.HasPrefix(inv.KsefNumber, f.ksefNumberPrefix)
}

// mayBeRefused reports whether a refused document may be in the state that the filter asks for.
func (f *filter) mayBeRefused() bool {
	return slices.Contains([]string{"", results.Refused, ledger.RefusalDismissed, ledger.RefusalSuperseded}, f.state)
}

// matchRefused reports whether the filter selects a refused document in one of its lists. KSeF gave
// the document no number, so it does not match a filter that asks for a KSeF number.
func (f *filter) matchRefused(r *ledger.Refusal) bool {
	return (f.state == "" || f.state == results.OfRefusal(r).State) && (f.number == "" || inquiry.SameNumber(r.Number, f.number)) &&
		(f.day == "" || f.day == r.IssueDate) &&
		f.ksefNumber+f.ksefNumberPrefix == "" && inquiry.NumberBegins(r.Number, f.numberPrefix) &&
		ledger.Millis(r.Revision()) >= f.from.At
}

// matchUnread reports whether the filter may select an entry that cannot be read. At most its state
// and tenant are known. What is not known may match, because a list without the entry would say
// that there is no such invoice. The ref and the number of the filter need no check, because the
// look-up by them has found the entry.
func (f *filter) matchUnread(u *ledger.Unreadable, c *call) bool {
	mine := slices.Contains(f.tenants, u.Tenant) || u.Tenant == "" && c.maySee("")
	return mine && f.mayBeIn(u)
}

// mayBeIn reports whether the filter may select an entry by its state. Both the state that its
// fields say and the state whose index lists it may be right.
func (f *filter) mayBeIn(u *ledger.Unreadable) bool {
	return f.mayBe(u.KnownState()) || u.Listed != "" && f.mayBe(string(u.Listed))
}

// mayBe reports whether the filter may select an invoice of which only the state is known. A state
// that this build does not know may be any.
func (f *filter) mayBe(state string) bool {
	if !slices.Contains(ledger.States(), ledger.State(state)) {
		return true
	}
	return (f.state == "" || f.state == state) && (f.ksefNumber+f.ksefNumberPrefix == "" || ledger.State(state).InKSeF())
}

// selects reports whether the filter asks for something that only a readable entry shows: a KSeF
// number, the beginning of a number, or a day.
func (f *filter) selects() bool {
	return f.ksefNumber+f.ksefNumberPrefix+f.numberPrefix+f.day != ""
}
