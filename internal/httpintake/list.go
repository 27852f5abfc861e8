package httpintake

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"ksefworker/internal/inquiry"
	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

// listAnswer is a page of invoices, the oldest change first.
type listAnswer struct {
	Items []invoiceAnswer `json:"items"`
	// Next is the cursor of the next page; "" when there is nothing more now. An invoice that
	// changes later comes behind it then.
	Next string `json:"next,omitempty"`
}

// filter is what a list is asked for.
type filter struct {
	ref, number, ksefNumber        string
	numberPrefix, ksefNumberPrefix string
	day                            string // P_1
	state                          string
	tenants                        []string // those of the client, or the one that was asked for
	from                           ledger.Place
	limit                          int
}

const (
	pageSize    = 100 // when no limit is given
	maxPageSize = 1000
	// scanned is about how many entries one call reads to find those that match. A call that found
	// few among many answers with a page that is not full, and a cursor.
	scanned = 5000
)

func (l *listing) list(c *call) error {
	f, err := l.filterOf(c)
	if err != nil {
		return err
	}
	if f.ref != "" || f.number != "" {
		return l.named(c, f)
	}
	return l.changed(c, f)
}

func (l *listing) filterOf(c *call) (filter, error) {
	f := filter{tenants: c.client.Tenants, limit: pageSize}
	query, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return f, bad("the query cannot be read", "nie można odczytać parametrów zapytania")
	}
	for name, values := range query {
		value := values[0]
		ok := len(values) == 1 && value != ""
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
			f.day = value
			_, err := time.Parse(time.DateOnly, value)
			ok = ok && err == nil
		case "state":
			f.state = value
			ok = ok && (value == results.Refused || slices.Contains(ledger.States(), ledger.State(value)))
		case "tenant":
			f.tenants, ok = []string{value}, ok && c.client.owns(value)
		case "since":
			var at time.Time
			at, ok = intake.ParseTime(value, false)
			f.from = ledger.Place{At: ledger.At(at)}
		case "cursor":
			continue // below: it counts more than since
		case "limit":
			f.limit, err = strconv.Atoi(value)
			ok = ok && err == nil && f.limit >= 1 && f.limit <= maxPageSize
		default:
			ok = false
		}
		if !ok {
			return f, badParameter(name)
		}
	}
	if at := query.Get("cursor"); at != "" {
		ok := false
		if f.from, ok = placeOf(at); !ok {
			return f, bad("this cursor was not given by this server", "ten kursor nie pochodzi z tego serwera")
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

// matchRefused is match for a document that is no invoice. KSeF gave it no number.
func (f *filter) matchRefused(r *ledger.Refusal) bool {
	return slices.Contains(f.tenants, r.Tenant) &&
		(f.number == "" || inquiry.SameNumber(r.Number, f.number)) &&
		(f.day == "" || f.day == r.IssueDate) &&
		f.ksefNumber+f.ksefNumberPrefix == "" && inquiry.NumberBegins(r.Number, f.numberPrefix) &&
		ledger.Millis(r.Revision()) >= f.from.At
}

// selects reports whether the filter asks for more than a state and the tenants of the client.
func (f *filter) selects() bool {
	return f.ksefNumber+f.ksefNumberPrefix+f.numberPrefix+f.day != ""
}

// named answers with the invoices of a ref or number. They are few, so there is one page. When no
// invoice has it, refused documents have their turn: a program that asks by its ref learns that its
// document was not taken.
func (l *listing) named(c *call, f filter) error {
	var invs []ledger.Invoice
	var err error
	if f.ref != "" {
		invs, err = l.o.Inquiry.FindRef(c.ctx(), f.ref, f.tenants...)
	} else {
		invs, err = l.o.Inquiry.FindNumber(c.ctx(), f.number)
	}
	if _, err = ledger.Skip(err); err != nil {
		return notNow(err)
	}
	invs = slices.DeleteFunc(invs, func(inv ledger.Invoice) bool { return !f.match(&inv) || inv.UpdatedAt < f.from.At })
	page, err := l.answersOf(c, invs)
	if err != nil {
		return err
	}
	if len(invs) == 0 && (f.state == "" || f.state == results.Refused) {
		refused := l.o.Inquiry.RefusedRef
		name := f.ref
		if name == "" {
			refused, name = l.o.Inquiry.Refused, f.number
		}
		found, err := refused(c.ctx(), name)
		if err != nil {
			return notNow(err)
		}
		for i := range found {
			if r := &found[i]; f.matchRefused(r) {
				page = append(page, answerOf(results.Explained(r)))
			}
		}
	}
	return c.json(http.StatusOK, listAnswer{Items: page})
}

func (l *listing) answersOf(c *call, invs []ledger.Invoice) ([]invoiceAnswer, error) {
	page := make([]invoiceAnswer, 0, len(invs))
	found, err := l.o.Inquiry.Results(c.ctx(), invs)
	if err != nil {
		return nil, notNow(err)
	}
	for _, r := range found {
		page = append(page, answerOf(r))
	}
	return page, nil
}

// changed answers with a page of invoices in the order of their last change.
func (l *listing) changed(c *call, f filter) error {
	states := ledger.States()
	number := cmp.Or(f.ksefNumber, f.ksefNumberPrefix)
	switch {
	case f.state != "":
		states = []ledger.State{ledger.State(f.state)}
	case number != "":
		states = []ledger.State{ledger.Accepted, ledger.Receipted}
	}
	// A number has the day of its acceptance, and an entry was last changed on that day or later.
	if at, ok := acceptedOn(number); ok && f.from.At < ledger.At(at) {
		f.from = ledger.Place{At: ledger.At(at)}
	}
	// Where few may match, more are read at a time.
	n := f.limit
	if f.selects() {
		n = max(n, maxPageSize)
	}
	var page []ledger.Invoice
	more := false
	for read := 0; !more; {
		some, next, err := l.o.Inquiry.Changed(c.ctx(), states, f.from, n)
		if _, err = ledger.Skip(err); err != nil {
			return notNow(err)
		}
		if next == f.from {
			break
		}
		for i := range some {
			if f.match(&some[i].Invoice) {
				page = append(page, some[i].Invoice)
			}
			if len(page) == f.limit {
				next = some[i].Place
				break
			}
		}
		f.from = next
		read += n
		more = read >= scanned || len(page) == f.limit
	}
	answer := listAnswer{}
	var err error
	if answer.Items, err = l.answersOf(c, page); err != nil {
		return err
	}
	if more {
		answer.Next = cursorText(f.from)
	}
	return c.json(http.StatusOK, answer)
}

// acceptedOn returns the day in a KSeF number: NIP-YYYYMMDD-….
func acceptedOn(ksefNumber string) (time.Time, bool) {
	parts := strings.Split(ksefNumber, "-")
	if len(parts) < 2 {
		return time.Time{}, false
	}
	at, err := time.ParseInLocation("20060102", parts[1], time.UTC)
	return at.Add(-24 * time.Hour), err == nil // the day is Warsaw's
}
