package records

import (
	"cmp"
	"slices"

	"ksefworker/internal/archive/bundle"
	"ksefworker/internal/invoice"
	"ksefworker/internal/results"
)

// Within bounds a search. The zero value is the whole archive.
type Within struct {
	From, To string // issue dates (P_1), "2006-01-02", both included; "" is open
}

// months returns the places that may have invoices of these dates.
func (w Within) months(places []Place) []Place {
	from, to := monthOf(w.From), cmp.Or(monthOf(w.To), "9999-99")
	return slices.DeleteFunc(slices.Clone(places), func(p Place) bool { return p.Month < from || p.Month > to })
}

// receipts returns the places that may have receipts of invoices of these dates. A receipt is in
// the month of its session, which may be long after the date of the invoice.
func (w Within) receipts(places []Place) []Place {
	from := monthOf(w.From)
	return slices.DeleteFunc(slices.Clone(places), func(p Place) bool { return p.Month < from })
}

func (w Within) has(r *results.Result) bool {
	return r.IssueDate >= w.From && (w.To == "" || r.IssueDate <= w.To)
}

func monthOf(day string) string { return day[:min(len(day), len("2006-01"))] }

// Scanned says what a search has read.
type Scanned struct {
	Places   int   // folders of a seller and month
	Indexes  int   // of bundles
	Receipts int   // UPOs; each is an object of its own
	Results  int   // those that are kept by themselves; those in bundles are not counted
	Bytes    int64 // of indexes and receipts
	// Attested are the invoices that receipts list under the name that was searched for, and that
	// the archive does not have. The search may still find other invoices of that name.
	Attested []Attested
}

func (l *Scanned) add(r bundle.Read) {
	l.Indexes += r.Indexes
	l.Bytes += r.Bytes
}

// likely returns the places with those of the month of a KSeF number first, because most invoices
// are accepted in the month of their date.
func likely(places []Place, n invoice.KsefNumber) []Place {
	out := slices.Clone(places)
	month := monthOf(n.Date)
	slices.SortStableFunc(out, func(a, b Place) int {
		switch aIs, bIs := a.Month == month, b.Month == month; {
		case aIs == bIs:
			return 0
		case aIs:
			return -1
		}
		return 1
	})
	return out
}
