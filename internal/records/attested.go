package records

import (
	"cmp"
	"context"
	"fmt"
	"hash/maphash"
	"maps"
	"path"
	"slices"
	"time"

	"ksefworker/internal/archive"
	"ksefworker/internal/archive/bundle"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ksef"
	"ksefworker/internal/results"
)

// The archive may have lost the ZIP of a package together with its index. Then no index names its
// invoices, and only their receipts tell that the archive had them. So EachWithin, which reads all
// invoices of some days, compares what it has read with the receipts of the months of these days.

// Attested is an invoice that a receipt of the archive lists, and that the archive does not have.
type Attested struct {
	KsefNumber string
	SellerNIP  string
	IssueDate  string // P_1; "" when the receipt does not say it
	Session    string
	Receipt    string // its name in the archive
}

// String says for people what the archive has of the invoice, without the KSeF number.
func (a Attested) String() string {
	return fmt.Sprintf("its receipt (UPO) is here, its document is not: session %s, receipt %s",
		cmp.Or(a.Session, "unknown"), a.Receipt)
}

// Numbers is a set of KSeF numbers, in any spelling. It keeps eight bytes of each.
type Numbers map[uint64]struct{}

var numberSeed = maphash.MakeSeed()

// Add adds a number, unless it is "".
func (n Numbers) Add(ksefNumber string) {
	if ksefNumber != "" {
		n[maphash.String(numberSeed, invoice.CanonicalKsefNumber(ksefNumber))] = struct{}{}
	}
}

// Has reports whether the set has a number.
func (n Numbers) Has(ksefNumber string) bool {
	_, has := n[maphash.String(numberSeed, invoice.CanonicalKsefNumber(ksefNumber))]
	return has
}

// met is what a reader has met of the invoices of some months.
type met struct {
	numbers Numbers
	// own has the receipts that results name. It is false for a receipt that only recovered
	// invoices name. In that case another program may have sent the session, see [Reader.Unsure].
	own map[string]bool
}

func newMet() *met { return &met{numbers: Numbers{}, own: map[string]bool{}} }

func (m *met) add(r *results.Result) {
	m.numbers.Add(r.KsefNumber)
	if name, ok := receiptName(r.UPO); ok {
		m.own[name] = m.own[name] || !r.Recovered
	}
}

// addIndexed adds the invoices that the indexes of a place name. So an invoice in a ZIP that cannot
// be read does not count as lacking. The ZIP itself was reported when it could not be read.
func (m *met) addIndexed(ctx context.Context, r *Reader, p Place) error {
	_, err := r.store().Search(ctx, p.bundles(), bundle.Query{Match: func(l *bundle.Line) bool {
		m.numbers.Add(l.KsefNumber)
		return false
	}}, func(bundle.Line) error { return nil }, nil)
	return err
}

// unmet calls lacks once with each invoice of the dates that a receipt lists and that was not met.
// For a session that another program may have sent it calls r.Unsure instead, once. It reads each
// receipt of these months, and of the month after them, once. One receipt is in memory at a time.
func (r *Reader) unmet(ctx context.Context, w Within, places []Place, m *met, lacks func(Attested)) error {
	told := Numbers{}
	for _, p := range places {
		if !w.mayAttest(p) {
			continue
		}
		err := r.eachReceipt(ctx, p, nil, func(name string, receipt ksef.Receipt) {
			own, named := m.own[name]
			others := 0
			for _, number := range slices.Sorted(maps.Keys(receipt.Lines)) {
				l := receipt.Lines[number]
				if !w.hasDay(l.IssueDate) || m.numbers.Has(number) || told.Has(number) {
					continue
				}
				told.Add(number)
				if named && !own {
					others++
				} else {
					lacks(attestedBy(name, &receipt, number))
				}
			}
			r.unsure(name, others)
		})
		if err != nil {
			return err
		}
	}
	return r.missingReceipts(ctx, m)
}

// missingReceipts reports the receipts that results name and that the archive does not have. It
// looks at the lists of folders only.
func (r *Reader) missingReceipts(ctx context.Context, m *met) error {
	listed := map[string][]string{} // by folder
	for _, name := range slices.Sorted(maps.Keys(m.own)) {
		folder := path.Dir(name)
		have, known := listed[folder]
		if !known {
			var err error
			if have, err = archive.ListIn(ctx, r.Store, folder); err != nil {
				return err
			}
			listed[folder] = have
		}
		if !slices.ContainsFunc(have, func(other string) bool { return withoutCopy(other) == withoutCopy(name) }) {
			r.unread(name, fmt.Errorf("%w, and results name it as their receipt (UPO)", archive.ErrNotFound))
		}
	}
	return nil
}

func (r *Reader) unsure(receipt string, lacking int) {
	if r.Unsure != nil && lacking > 0 {
		r.Unsure(receipt, lacking)
	}
}

func attestedBy(name string, receipt *ksef.Receipt, number string) Attested {
	l := receipt.Lines[number]
	return Attested{KsefNumber: number, SellerNIP: l.SellerNIP, IssueDate: l.IssueDate, Session: receipt.Session, Receipt: name}
}

// mayAttest reports whether a place may have receipts of invoices of these dates. These are the
// receipts of sessions of the same months, and of the month that follows them.
func (w Within) mayAttest(p Place) bool {
	if p.Month < monthOf(w.From) {
		return false
	}
	last, err := time.Parse("2006-01", monthOf(w.To))
	return err != nil || p.Month <= last.AddDate(0, 1, 0).Format("2006-01")
}

// hasDay reports whether a day is within the dates. It returns false for "", a day that is not
// known.
func (w Within) hasDay(day string) bool {
	return day != "" && day >= w.From && (w.To == "" || day <= w.To)
}
