package records

import (
	"cmp"
	"slices"

	"ksefworker/internal/archive/bundle"
	"ksefworker/internal/invoice"
	"ksefworker/internal/results"
)

// Within limits a search to some issue dates. Its zero value stands for the whole archive.
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
	// Attested are the invoices that match the search and that a receipt lists, but that the
	// archive does not have. Invoices that were found may have the same number.
	Attested []Attested
}

func (l *Scanned) add(r bundle.Read) {
	l.Indexes += r.Indexes
	l.Bytes += r.Bytes
}

// likely sorts places: those of the month in a KSeF number come first. This is the month in which
// KSeF accepted the invoice, and most invoices are accepted in the month of their date.
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
